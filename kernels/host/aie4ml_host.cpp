// One copy of this file belongs into every shared object of host kernels.

#include "aie4ml_host.h"

#include "aie_api/aie.hpp"

#include <cstdio>
#include <cstdlib>

// A core starts with rounding to floor and without saturation, both encoded 0.
constinit thread_local aie::detail::Modes aie::detail::modes = {};

namespace {

void (*put_word)(const void *) = nullptr;
void (*get_word)(void *) = nullptr;

} // namespace

extern "C" {

void aie4ml_host_connect(void (*put)(const void *), void (*get)(void *))
{
    put_word = put;
    get_word = get;
}

uint64_t aie4ml_host_mode()
{
    const aie::detail::Modes now = aie::detail::modes;
    return uint64_t(now.rounding) | uint64_t(now.saturation) << 32;
}

void aie4ml_host_set_mode(uint64_t mode)
{
    aie::detail::modes = {aie::rounding_mode(uint32_t(mode)), aie::saturation_mode(uint32_t(mode >> 32))};
}

void aie4ml_host_put(const void *bits512)
{
    if (!put_word)
        aie4ml_host_refuse("a kernel wrote to the cascade before aie4ml_host_connect");
    const uint64_t mode = aie4ml_host_mode();
    put_word(bits512);
    aie4ml_host_set_mode(mode);
}

void aie4ml_host_get(void *bits512)
{
    if (!get_word)
        aie4ml_host_refuse("a kernel read from the cascade before aie4ml_host_connect");
    const uint64_t mode = aie4ml_host_mode();
    get_word(bits512);
    aie4ml_host_set_mode(mode);
}

void aie4ml_host_refuse(const char *message)
{
    std::fprintf(stderr, "aie4ml host kernels: %s\n", message);
    std::abort();
}

} // extern "C"
