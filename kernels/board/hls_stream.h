// The part of AMD's hls_stream.h that data movers use, for a host compiler.

#pragma once

#include <cstdio>
#include <cstdlib>
#include <deque>

namespace hls {

/// A stream that holds any number of beats.
template <class Beat>
class stream {
public:
    void write(const Beat &beat) { beats.push_back(beat); }
    Beat read()
    {
        if (beats.empty()) {
            std::fprintf(stderr, "hls: a stream is read that has nothing left\n");
            std::exit(1);
        }
        const Beat beat = beats.front();
        beats.pop_front();
        return beat;
    }

    /// Whoever is at the other end.
    std::deque<Beat> beats;
};

} // namespace hls
