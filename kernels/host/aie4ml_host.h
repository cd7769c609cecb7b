// What a host process and the kernels compiled for it say to each other. The
// process loads a shared object of kernels, connects the cascade once, and
// calls kernels.

#pragma once

#include <cstdint>

extern "C" {

/// Connects the cascade ports of all kernels in this shared object. `put` takes
/// and `get` fills 512 bits, that is 64 bytes. Either may suspend its caller and
/// let other kernels run on the same thread before it returns.
void aie4ml_host_connect(void (*put)(const void *bits512), void (*get)(void *bits512));

/// The calling thread's rounding and saturation modes, the state of a core that
/// outlives a cascade access. Whoever interleaves kernels on one thread anywhere
/// else than in `put` and `get` saves and restores this value.
uint64_t aie4ml_host_mode();
void aie4ml_host_set_mode(uint64_t mode);

/// Cascade accesses of the kernels; `put` and `get` with the modes kept.
void aie4ml_host_put(const void *bits512);
void aie4ml_host_get(void *bits512);

/// Ends the process with a message: a kernel asked for what no core can do.
[[noreturn]] void aie4ml_host_refuse(const char *message);

} // extern "C"
