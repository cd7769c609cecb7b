// The part of AMD's ap_int.h that data movers use, for a host compiler.

#pragma once

#include <cstring>

/// An unsigned integer of so many bits, in as many bytes as hold them, lowest first.
template <int bits>
class ap_uint {
public:
    ap_uint(long long value = 0)
    {
        for (int byte = 0; byte < size; ++byte)
            bytes[byte] = static_cast<unsigned char>(byte < 8 ? value >> (8 * byte) : value < 0 ? 0xff : 0);
        if (bits % 8)
            bytes[size - 1] &= static_cast<unsigned char>((1 << bits % 8) - 1);
    }
    bool operator==(const ap_uint &other) const { return !std::memcmp(bytes, other.bytes, size); }

private:
    static constexpr int size = (bits + 7) / 8;
    unsigned char bytes[size];
};
