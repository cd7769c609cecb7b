#include "graph.h"

network @GRAPH@;

#if defined(__AIESIM__) || defined(__X86SIM__)

#include <cstdio>

int main()
{
    @GRAPH@.init();
#if defined(__AIESIM__)
    // From the first word that enters to the first that leaves, in cycles of the array. Nothing
    // enters before run(), so loading the array does not count.
    const adf::event::handle latency = adf::event::start_profiling(
        @GRAPH@.@INPUT@, @GRAPH@.@OUTPUT@, adf::event::io_stream_start_difference_cycles);
    @GRAPH@.run(@ITERATIONS@);
    @GRAPH@.wait();
    std::printf("latency: %lld cycles\n", static_cast<long long>(adf::event::read_profiling(latency)));
    adf::event::stop_profiling(latency);
#else
    @GRAPH@.run(@ITERATIONS@);
#endif
    @GRAPH@.end();
    return 0;
}

#endif
