// Dense kernels and the emulation of the AIE API against plain loops.
//
// Everything a kernel computes is computed again here, in 128 bits, with
// rounding written from its definition: the two neighbors, their distances, a
// rule for ties. Build once for each device (-D__AIE_ARCH__=20 or 21).

#include "aie4ml/dense.h"

#include <cstdio>
#include <cstring>
#include <deque>
#include <limits>
#include <vector>

using namespace aie4ml;
using Wide = __int128;

namespace {

int passed = 0;
int failed = 0;

void report(bool ok, const char *what, const char *detail)
{
    ++(ok ? passed : failed);
    if (!ok && failed <= 20)
        std::printf("FAILED %s %s\n", what, detail);
}

// A small generator, the same numbers on every machine.
uint64_t state = 0x9e3779b97f4a7c15;
uint64_t random64()
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1d;
}

// Elements with many extremes among them.
template <class T>
T random_element()
{
    const uint64_t r = random64();
    switch (r >> 60) {
    case 0: return std::numeric_limits<T>::min();
    case 1: return std::numeric_limits<T>::max();
    case 2: return 0;
    default: return T(r);
    }
}

// --- the semantics, in plain terms

Wide floor_div(Wide x, Wide d) { return x / d - (x % d < 0 ? 1 : 0); }

Wide round_reference(Wide x, int shift, Rounding mode)
{
    if (shift <= 0)
        return x * (Wide(1) << -shift);
    const Wide d = Wide(1) << shift;
    const Wide below = floor_div(x, d);
    if (below * d == x)
        return below;
    const Wide above = below + 1;
    switch (mode) {
    case Rounding::floor: return below;
    case Rounding::ceil: return above;
    case Rounding::toward_zero: return x < 0 ? above : below;
    case Rounding::away_from_zero: return x < 0 ? below : above;
    default: break;
    }
    const Wide to_below = x - below * d;
    const Wide to_above = above * d - x;
    if (to_below != to_above)
        return to_below < to_above ? below : above;
    switch (mode) {
    case Rounding::nearest_down: return below;
    case Rounding::nearest_up: return above;
    case Rounding::nearest_toward_zero: return x < 0 ? above : below;
    case Rounding::nearest_away: return x < 0 ? below : above;
    case Rounding::nearest_even: return below % 2 == 0 ? below : above;
    default: return below % 2 != 0 ? below : above; // nearest_odd
    }
}

Wide overflow_reference(Wide y, Overflow mode, unsigned width, bool is_signed)
{
    const Wide size = Wide(1) << width;
    const Wide max = is_signed ? size / 2 - 1 : size - 1;
    const Wide min = !is_signed ? 0 : mode == Overflow::symmetric ? -max : -max - 1;
    if (mode == Overflow::wrap) {
        while (y > max || y < min) {
            // Large values first lose whole multiples of the size.
            y -= floor_div(y, size) * size;
            if (y > max)
                y -= size;
        }
        return y;
    }
    return y < min ? min : y > max ? max : y;
}

template <class S>
Wide stage_reference(Wide x, bool is_signed)
{
    Wide y = round_reference(x, S::Shift, S::Round) + S::ZeroPoint;
    y = overflow_reference(y, S::Over, S::Width, is_signed);
    return y < S::Lo ? Wide(S::Lo) : y > S::Hi ? Wide(S::Hi) : y;
}

template <class TC, class S, class... Rest>
TC requantize_reference(Wide x)
{
    if constexpr (sizeof...(Rest) == 0)
        return TC(stage_reference<S>(x, std::is_signed_v<TC>));
    else
        return requantize_reference<TC, Rest...>(stage_reference<S>(x, S::Signed));
}

// --- a cascade: tiles run one after the other, words wait in a queue

struct Word {
    alignas(64) unsigned char bytes[64];
};
std::deque<Word> arriving;
std::deque<Word> leaving;

void put(const void *bits)
{
    Word word;
    std::memcpy(word.bytes, bits, 64);
    leaving.push_back(word);
    // Another kernel runs meanwhile and leaves other modes behind.
    aie4ml_host_set_mode(uint64_t(aie::rounding_mode::ceil));
}

void get(void *bits)
{
    if (arriving.empty()) {
        std::printf("FAILED a kernel read more words than the one before it wrote\n");
        std::memset(bits, 0x55, 64);
        ++failed;
        return;
    }
    std::memcpy(bits, arriving.front().bytes, 64);
    arriving.pop_front();
    aie4ml_host_set_mode(uint64_t(aie::rounding_mode::conv_odd) | uint64_t(aie::saturation_mode::symmetric) << 32);
}

template <class T>
struct Buffer {
    // Guard elements behind the contents show a kernel that writes too far.
    explicit Buffer(size_t count) : count(count), bytes(new (std::align_val_t(64)) T[count + 64])
    {
        std::memset(bytes, 0xa5, (count + 64) * sizeof(T));
    }
    ~Buffer() { ::operator delete[](bytes, std::align_val_t(64)); }
    Buffer(Buffer &&other) : count(other.count), bytes(other.bytes) { other.bytes = nullptr; }
    bool intact() const
    {
        for (size_t i = 0; i < 64 * sizeof(T); ++i)
            if (reinterpret_cast<const unsigned char *>(bytes + count)[i] != 0xa5)
                return false;
        return true;
    }
    T &operator[](size_t i) { return bytes[i]; }
    size_t count;
    T *bytes;
};

// --- whole kernels in all roles

template <class TA, class TW, class TC, class Acc, unsigned m, unsigned k, unsigned n, unsigned MB, unsigned KB,
          unsigned NB, unsigned Pieces, class... Stages>
void check_dense()
{
    using Kernel = Dense<TA, TW, TC, Acc, m, k, n, MB, KB, NB, Stages...>;
    std::vector<Buffer<TA>> a;
    std::vector<Buffer<TW>> w;
    Buffer<int32_t> bias(NB * n);
    Buffer<TC> c(MB * NB * m * n);

    for (unsigned p = 0; p < Pieces; ++p) {
        a.emplace_back(MB * KB * m * k);
        w.emplace_back(NB * KB * k * n);
        for (size_t i = 0; i < a[p].count; ++i)
            a[p][i] = random_element<TA>();
        for (size_t i = 0; i < w[p].count; ++i)
            w[p][i] = random_element<TW>();
    }
    // A bias of every magnitude: small ones exercise rounding, large ones overflow.
    for (size_t i = 0; i < bias.count; ++i)
        bias[i] = int32_t(random64()) >> (random64() % 31);

    arriving.clear();
    leaving.clear();
    for (unsigned p = 0; p < Pieces; ++p) {
        if constexpr (Pieces == 1)
            Kernel::single(a[p].bytes, w[p].bytes, bias.bytes, c.bytes);
        else if (p == 0)
            Kernel::first(a[p].bytes, w[p].bytes, bias.bytes);
        else if (p + 1 == Pieces)
            Kernel::last(a[p].bytes, w[p].bytes, c.bytes);
        else if constexpr (Pieces > 2)
            Kernel::middle(a[p].bytes, w[p].bytes);
        const bool consumed = arriving.empty();
        arriving.swap(leaving);
        report(consumed, __PRETTY_FUNCTION__, "left words on the cascade");
    }

    long wrong = 0;
    for (unsigned row = 0; row < MB * m; ++row)
        for (unsigned column = 0; column < NB * n; ++column) {
            Wide sum = bias[column];
            for (unsigned p = 0; p < Pieces; ++p)
                for (unsigned x = 0; x < KB * k; ++x)
                    sum += Wide(a[p][((row / m * KB + x / k) * m + row % m) * k + x % k]) *
                           Wide(w[p][((column / n * KB + x / k) * k + x % k) * n + column % n]);
            sum = overflow_reference(sum, Overflow::wrap, 8 * sizeof(Acc), true);
            const TC expected = requantize_reference<TC, Stages...>(sum);
            wrong += c[((row / m * NB + column / n) * m + row % m) * n + column % n] != expected;
        }
    report(wrong == 0 && c.intact(), __PRETTY_FUNCTION__, "differs");
}

template <class TA, class TW, class TC, class Acc, unsigned m, unsigned k, unsigned n, unsigned MB, unsigned KB,
          unsigned NB, class... Stages>
void check_cascades()
{
    check_dense<TA, TW, TC, Acc, m, k, n, MB, KB, NB, 1, Stages...>();
    check_dense<TA, TW, TC, Acc, m, k, n, MB, KB, NB, 2, Stages...>();
    check_dense<TA, TW, TC, Acc, m, k, n, MB, KB, NB, 3, Stages...>();
}

// Every way to group blocks: both parities of rows, columns modulo 4.
template <class TA, class TW, class TC, class Acc, unsigned m, unsigned k, unsigned n, class... Stages>
void check_counts()
{
    check_cascades<TA, TW, TC, Acc, m, k, n, 1, 1, 1, Stages...>();
    check_cascades<TA, TW, TC, Acc, m, k, n, 1, 2, 2, Stages...>();
    check_cascades<TA, TW, TC, Acc, m, k, n, 1, 1, 5, Stages...>();
    check_cascades<TA, TW, TC, Acc, m, k, n, 1, 2, 8, Stages...>();
    check_cascades<TA, TW, TC, Acc, m, k, n, 2, 5, 1, Stages...>();
    check_cascades<TA, TW, TC, Acc, m, k, n, 4, 2, 4, Stages...>();
    check_cascades<TA, TW, TC, Acc, m, k, n, 5, 3, 7, Stages...>();
}

// What depends on the shape and the types of a block.
template <class TA, class TW, class TC, class Acc, unsigned m, unsigned k, unsigned n, class... Stages>
void check_shape()
{
    for (int i = 0; i < 4; ++i)
        check_dense<TA, TW, TC, Acc, m, k, n, 1, 3, 1, 3, Stages...>();
}

// --- requantization of chosen accumulators

template <class Acc, int Shift>
Acc interesting_sum()
{
    constexpr Acc max = std::numeric_limits<Acc>::max();
    constexpr Acc min = std::numeric_limits<Acc>::min();
    const uint64_t r = random64();
    const Acc near = Acc(int(r >> 8 & 7) - 3);
    switch (r & 7) {
    case 0: return near;
    case 1: return near < 0 ? max + near : max - near;
    case 2: return near < 0 ? min - near : min + near;
    case 3:
    case 4: { // around ties of the shift
        const int shift = Shift > 0 ? Shift : 0;
        const Wide tie = shift ? Wide(1) << (shift - 1) : 0;
        const Wide x = (Wide(int64_t(r >> 16) % 400) - 200) * tie + Wide(near % 2);
        return Acc(x);
    }
    case 5: return Acc(Acc(random64()) >> (r >> 16 & 31));
    default: return Acc(random64());
    }
}

template <class Acc, class TC, class S, class... Rest>
void check_requantize()
{
    using Out = Requantize<TC, S, Rest...>;
    constexpr unsigned lanes = sizeof(Acc) == 8 ? 16 : 32;
    using Sums = aie::accum<std::conditional_t<sizeof(Acc) == 8, acc64, acc32>, lanes>;

    Out::template set_modes<8 * sizeof(Acc), lanes>();
    long wrong = 0;
    for (int block = 0; block < 80; ++block) {
        Sums sums;
        alignas(64) TC c[lanes];
        for (Acc &x : sums.data)
            x = interesting_sum<Acc, S::Shift>();
        Out::store(c, sums);
        for (unsigned i = 0; i < lanes; ++i) {
            const TC expected = requantize_reference<TC, S, Rest...>(sums.data[i]);
            if (c[i] != expected && !wrong++ && failed < 20)
                std::printf("  sum %lld gives %lld, expected %lld\n", (long long)sums.data[i], (long long)c[i],
                            (long long)expected);
        }
    }
    report(wrong == 0, __PRETTY_FUNCTION__, "differs");
}

template <class... S>
void check_int8()
{
    check_requantize<int32_t, int8_t, S...>();
    check_requantize<int64_t, int8_t, S...>();
}

// All that depends on rounding.
template <Rounding R>
void check_rounding()
{
    using enum Overflow;
    constexpr long long any = 1ll << 40;
    check_int8<Stage<6, R, saturate, 8, -any, any, 0>>();
    check_int8<Stage<6, R, symmetric, 8, -any, any, 0>>();
    check_int8<Stage<6, R, wrap, 8, -any, any, 0>>();
    check_requantize<int32_t, uint8_t, Stage<1, R, saturate, 8, -any, any, 0>>();
    check_requantize<int64_t, int16_t, Stage<13, R, wrap, 16, -any, any, 0>>();
    check_requantize<int64_t, int32_t, Stage<9, R, saturate, 32, -any, any, 0>>();
    // Rounding comes before the zero point: an odd one tells the two apart.
    check_requantize<int32_t, int8_t, Stage<5, R, saturate, 8, -any, any, 7>>();
    // Two stages with the same rounding, and with different ones.
    check_requantize<int32_t, int8_t, Stage<4, R, saturate, 8, 0, any, 0>, Stage<1, R, saturate, 8, -any, any, 0>>();
    check_requantize<int64_t, int16_t, Stage<4, R, saturate, 16, -any, any, 0>,
                     Stage<2, Rounding::nearest_even, wrap, 9, -any, any, 0>>();
}

// All that depends on overflow and width.
template <Overflow O>
void check_overflow()
{
    constexpr Rounding R = Rounding::nearest_even;
    constexpr long long any = 1ll << 40;
    check_int8<Stage<0, R, O, 8, -any, any, 0>>();
    check_int8<Stage<4, R, O, 6, -any, any, 0>>();
    check_int8<Stage<4, R, O, 6, 0, any, 0>>();
    check_int8<Stage<4, R, O, 8, -100, 17, 0>>();
    check_int8<Stage<4, R, O, 7, -any, any, -3>>();
    check_int8<Stage<4, R, O, 8, -5, 90, 100>>();
    check_int8<Stage<-1, R, O, 8, -any, any, 0>>();
    check_int8<Stage<-3, R, O, 5, 0, any, -2>>();
    check_int8<Stage<-31, R, O, 8, -any, any, 0>>();
    check_int8<Stage<31, R, O, 8, -any, any, 0>>();
    check_int8<Stage<45, R, O, 8, -any, any, 0>>();
    check_int8<Stage<59, R, O, 8, -any, any, 0>>();
    check_int8<Stage<4, R, O, 2, -any, any, 0>>();
    check_requantize<int32_t, uint8_t, Stage<5, R, O, 8, -any, any, 0>>();
    check_requantize<int32_t, uint8_t, Stage<5, R, O, 5, 3, 29, 0>>();
    check_requantize<int32_t, uint8_t, Stage<5, R, O, 8, -any, any, 128>>();
    check_requantize<int64_t, uint8_t, Stage<5, R, O, 8, -any, any, 0>>();
    check_requantize<int64_t, uint8_t, Stage<5, R, O, 7, -any, any, 0>>();
    check_requantize<int32_t, int16_t, Stage<8, R, O, 16, -any, any, 0>>();
    check_requantize<int32_t, int16_t, Stage<8, R, O, 11, -any, any, 0>>();
    check_requantize<int64_t, int16_t, Stage<8, R, O, 16, -any, any, 12345>>();
    check_requantize<int32_t, uint16_t, Stage<8, R, O, 16, -any, any, 0>>();
    check_requantize<int64_t, uint16_t, Stage<8, R, O, 12, -any, any, 0>>();
    check_requantize<int64_t, uint16_t, Stage<-8, R, O, 16, -any, any, -300>>();
    check_requantize<int32_t, int32_t, Stage<0, R, O, 32, -any, any, 0>>();
    check_requantize<int64_t, int32_t, Stage<3, R, O, 32, 0, any, 0>>();
    check_requantize<int64_t, int32_t, Stage<3, R, O, 24, -any, any, 999>>();
    // Two stages: Gemm, requantize, ReLU, requantize.
    check_int8<Stage<5, R, O, 8, 0, any, 0>, Stage<1, R, O, 8, -any, any, 0>>();
    check_int8<Stage<5, R, O, 8, -any, any, 10>, Stage<-2, Rounding::floor, O, 6, -any, any, 0>>();
    check_int8<Stage<3, R, O, 12, -any, any, 0, false>,
                             Stage<2, Rounding::ceil, Overflow::symmetric, 8, -any, any, -1>>();
    check_requantize<int32_t, uint8_t, Stage<5, R, O, 8, 0, any, 0, false>, Stage<1, R, O, 8, -any, any, 5>>();
    check_requantize<int64_t, int32_t, Stage<5, R, O, 32, -any, any, 0>, Stage<-3, R, O, 32, -any, any, 0>>();
    // Three.
    check_requantize<int32_t, int16_t, Stage<2, R, O, 20, -any, any, 0>, Stage<1, R, Overflow::wrap, 18, -any, any, 0>,
                     Stage<3, R, O, 14, -any, any, 0>>();
}

// The emulation's rounding, every mode, shift and tie in a small range and at the ends.
void check_shift_round()
{
    for (unsigned mode : {0u, 1u, 2u, 3u, 8u, 9u, 10u, 11u, 12u, 13u}) {
        long wrong = 0;
        auto check = [&](int64_t x, unsigned shift) {
            wrong += aie::detail::shift_round(x, shift, aie::rounding_mode(mode)) !=
                     int64_t(round_reference(x, int(shift), Rounding(mode)));
        };
        for (unsigned shift = 0; shift <= 6; ++shift)
            for (int64_t x = -300; x <= 300; ++x)
                check(x, shift);
        for (unsigned shift = 0; shift <= 62; ++shift)
            for (int64_t x : {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX, int64_t(INT32_MIN), int64_t(INT32_MAX)}) {
                check(x, shift);
                if (shift > 0) // an exact tie of this shift, near the end
                    check((x >> shift << shift) + (int64_t(1) << (shift - 1)), shift);
            }
        report(wrong == 0, "shift_round", "differs");
    }
}

// A cascade access keeps the modes, whatever runs meanwhile.
void check_modes_kept()
{
    aie::set_rounding(aie::rounding_mode::symmetric_inf);
    aie::set_saturation(aie::saturation_mode::saturate);
    const uint64_t before = aie4ml_host_mode();
    put_mcd(v16acc32{{1, 2, 3}});
    const bool kept = aie4ml_host_mode() == before;
    arriving.swap(leaving);
    const v16acc32 word = get_scd_v16acc32();
    report(kept && aie4ml_host_mode() == before && word.lanes[2] == 3, "cascade access", "changes modes or words");
}

// What a kernel may not ask for does not compile: see mmul's static_assert.
using aie::detail::mmul_accum_bits;
static_assert(mmul_accum_bits(4, 4, 4, 8, 8) == 0 && mmul_accum_bits(16, 8, 8, 8, 8) == 0);
static_assert(mmul_accum_bits(4, 8, 8, 32, 32) == 0 && mmul_accum_bits(8, 8, 4, 16, 8) == 0);
#if __AIE_ARCH__ == 20
static_assert(mmul_accum_bits(4, 8, 8, 16, 8) == 0 && mmul_accum_bits(8, 2, 8, 8, 16) == 0);
#else
static_assert(mmul_accum_bits(4, 16, 8, 8, 8) == 0 && mmul_accum_bits(4, 8, 4, 16, 8) == 0);
#endif

} // namespace

int main()
{
    using enum Rounding;
    using enum Overflow;
    aie4ml_host_connect(put, get);

    check_shift_round();
    check_modes_kept();

    check_rounding<floor>();
    check_rounding<ceil>();
    check_rounding<toward_zero>();
    check_rounding<away_from_zero>();
    check_rounding<nearest_down>();
    check_rounding<nearest_up>();
    check_rounding<nearest_toward_zero>();
    check_rounding<nearest_away>();
    check_rounding<nearest_even>();
    check_rounding<nearest_odd>();

    check_overflow<saturate>();
    check_overflow<symmetric>();
    check_overflow<wrap>();

    constexpr long long any = 1ll << 40;
    using Relu = Stage<9, nearest_even, saturate, 8, 0, any, 0>;
    using Plain = Stage<11, floor, wrap, 8, -any, any, 0>;
    using Zero = Stage<10, nearest_away, symmetric, 8, -any, any, -20>;
    using Plain16 = Stage<12, nearest_up, saturate, 16, -any, any, 0>;
    using Small = Stage<1, toward_zero, saturate, 5, 3, any, 0>;
    using Raw = Stage<0, floor, wrap, 32, -any, any, 0>;

    check_counts<int8_t, int8_t, int8_t, int32_t, 4, 8, 8, Relu>();
    check_cascades<int8_t, int8_t, int8_t, int32_t, 8, 8, 8, 3, 3, 3, Plain>();
    check_cascades<int16_t, int16_t, int16_t, int64_t, 4, 4, 8, 3, 3, 3, Plain16>();
    check_cascades<uint8_t, int8_t, uint8_t, int32_t, 2, 8, 8, 3, 2, 3, Relu, Small>();

    check_shape<uint8_t, int8_t, uint8_t, int32_t, 4, 8, 8, Relu>();
    check_shape<int8_t, int8_t, int32_t, int32_t, 8, 8, 8, Raw>();
    check_shape<uint8_t, int8_t, int8_t, int32_t, 8, 8, 8, Zero>();
    check_shape<uint8_t, uint8_t, int8_t, int32_t, 4, 8, 8, Zero>();
    check_shape<int8_t, int8_t, int8_t, int32_t, 2, 8, 8, Relu>();
    check_shape<int16_t, int8_t, int8_t, int32_t, 4, 4, 8, Relu>();
    check_shape<uint16_t, int8_t, int16_t, int32_t, 8, 4, 8, Plain16>();
    check_shape<int8_t, int16_t, int8_t, int64_t, 4, 4, 8, Relu>();
    check_shape<int16_t, int16_t, int16_t, int32_t, 4, 2, 8, Plain16>();
    check_shape<int16_t, int16_t, int8_t, int32_t, 8, 2, 8, Plain>();
    check_shape<uint16_t, uint16_t, uint16_t, int32_t, 8, 1, 8, Plain16>();
    check_shape<int16_t, int16_t, int8_t, int64_t, 2, 4, 8, Zero>();
    check_shape<uint16_t, uint16_t, int32_t, int64_t, 4, 4, 8, Raw>();
#if __AIE_ARCH__ == 20
    check_shape<int8_t, int8_t, int8_t, int32_t, 1, 16, 8, Relu>();
    check_shape<int8_t, int8_t, int16_t, int32_t, 1, 16, 8, Plain16>();
    check_shape<int8_t, int8_t, int32_t, int32_t, 1, 16, 8, Raw>();
    check_shape<int8_t, int8_t, int8_t, int32_t, 2, 16, 8, Plain>();
    check_shape<int8_t, int8_t, int16_t, int32_t, 4, 16, 8, Plain16>();
    check_shape<int8_t, int8_t, int8_t, int32_t, 4, 8, 4, Relu>();
    check_shape<uint8_t, int8_t, uint8_t, int32_t, 4, 16, 4, Relu>();
    check_shape<int8_t, int8_t, int8_t, int32_t, 8, 8, 4, Plain>();
    check_shape<int16_t, int8_t, int16_t, int32_t, 4, 4, 4, Plain16>();
    check_shape<int16_t, int8_t, int8_t, int32_t, 8, 4, 4, Zero>();
    check_shape<int16_t, int8_t, int8_t, int64_t, 4, 8, 4, Relu>();
    check_shape<uint16_t, int8_t, uint16_t, int64_t, 2, 8, 8, Plain16>();
    check_shape<uint8_t, int16_t, int16_t, int64_t, 4, 4, 4, Plain16>();
    check_shape<int16_t, int16_t, int8_t, int64_t, 4, 4, 4, Plain>();
#else
    check_shape<int16_t, int8_t, int8_t, int64_t, 4, 8, 8, Relu>();
    check_shape<int8_t, int16_t, int16_t, int32_t, 8, 2, 8, Plain16>();
#endif

    std::printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
