#include <ap_axi_sdata.h>
#include <ap_int.h>
#include <hls_stream.h>

extern "C" {

/// Sends so many beats from memory, again and again: all frames that are there, in each pass.
void mm2s_@BITS@(const ap_uint<@BITS@> *memory, hls::stream<ap_axiu<@BITS@, 0, 0, 0>> &stream, int beats, int passes)
{
#pragma HLS INTERFACE m_axi port = memory offset = slave bundle = gmem max_read_burst_length = 64 num_read_outstanding = 16
#pragma HLS INTERFACE axis port = stream
#pragma HLS INTERFACE s_axilite port = memory bundle = control
#pragma HLS INTERFACE s_axilite port = beats bundle = control
#pragma HLS INTERFACE s_axilite port = passes bundle = control
#pragma HLS INTERFACE s_axilite port = return bundle = control
    for (int pass = 0; pass < passes; ++pass)
        for (int at = 0; at < beats; ++at) {
#pragma HLS PIPELINE II = 1
            ap_axiu<@BITS@, 0, 0, 0> beat;
            beat.data = memory[at];
            beat.keep = -1;
            beat.strb = -1;
            beat.last = 0;
            stream.write(beat);
        }
}

} // extern "C"
