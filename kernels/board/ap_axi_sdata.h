// The part of AMD's ap_axi_sdata.h that data movers use, for a host compiler.

#pragma once

#include "ap_int.h"

/// A beat of an AXI4 stream without side channels.
template <int bits, int user, int id, int destination>
struct ap_axiu {
    static_assert(user == 0 && id == 0 && destination == 0, "side channels are not emulated");
    ap_uint<bits> data;
    ap_uint<bits / 8> keep, strb;
    ap_uint<1> last;
};
