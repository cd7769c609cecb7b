#include <ap_axi_sdata.h>
#include <ap_int.h>
#include <hls_stream.h>

extern "C" {

/// Takes so many beats into memory, again and again: each pass overwrites the one before it.
void s2mm_@BITS@(ap_uint<@BITS@> *memory, hls::stream<ap_axiu<@BITS@, 0, 0, 0>> &stream, int beats, int passes)
{
#pragma HLS INTERFACE m_axi port = memory offset = slave bundle = gmem max_write_burst_length = 64 num_write_outstanding = 16
#pragma HLS INTERFACE axis port = stream
#pragma HLS INTERFACE s_axilite port = memory bundle = control
#pragma HLS INTERFACE s_axilite port = beats bundle = control
#pragma HLS INTERFACE s_axilite port = passes bundle = control
#pragma HLS INTERFACE s_axilite port = return bundle = control
    for (int pass = 0; pass < passes; ++pass)
        for (int at = 0; at < beats; ++at) {
#pragma HLS PIPELINE II = 1
            memory[at] = stream.read().data;
        }
}

} // extern "C"
