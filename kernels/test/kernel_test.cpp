// Dense kernels and the emulation of the AIE API against plain loops.
//
// Everything a kernel computes is computed again here, in 128 bits, with
// rounding written from its definition: the two neighbors, their distances, a
// rule for ties. Build once for each device (-D__AIE_ARCH__=20 or 21).

#include "aie4ml/add.h"
#include "aie4ml/dense.h"

#include <cstdio>
#include <cstring>
#include <deque>
#include <limits>
#include <tuple>
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
Wide stage_reference(Wide x, Wide multiplier, Wide addend, bool is_signed)
{
    x = x * multiplier + addend;
    // What cannot be shifted up in 128 bits, by something that ends as the same.
    const Wide far = Wide(1) << 90;
    if (S::Shift < 0 && (x > far || x < -far))
        x = S::Over == Overflow::wrap ? Wide(int64_t(x)) : x < 0 ? -far : far;
    Wide y = round_reference(x, S::Shift, S::Round) + S::ZeroPoint;
    y = overflow_reference(y, S::Over, S::Width, is_signed);
    return y < S::Lo ? Wide(S::Lo) : y > S::Hi ? Wide(S::Hi) : y;
}

// Multiplier and addend of the first stage are given; those of others are constants.
template <class TC, class S, class... Rest>
TC requantize_reference(Wide x, Wide multiplier, Wide addend)
{
    if constexpr (sizeof...(Rest) == 0) {
        return TC(stage_reference<S>(x, multiplier, addend, std::is_signed_v<TC>));
    } else {
        using Next = typename std::tuple_element_t<0, std::tuple<Rest...>>::Scaling;
        return requantize_reference<TC, Rest...>(stage_reference<S>(x, multiplier, addend, S::Signed),
                                                 Next::Multiplier::Value, Next::Addend::Value);
    }
}

// --- multipliers and addends

// A number of so many bits with sign, of every magnitude, with extremes.
int64_t random_bits(unsigned bits)
{
    const uint64_t r = random64();
    const int64_t all = int64_t(random64()) >> (64 - bits);
    switch (r & 7) {
    case 0: return int64_t(INT64_MIN) >> (64 - bits);
    case 1: return INT64_MAX >> (64 - bits);
    case 2: return int64_t(r >> 8 & 3) - 1 < (int64_t(1) << (bits - 1)) ? int64_t(r >> 8 & 3) - 1 : 0;
    case 3: return all >> (r >> 8) % bits;
    default: return all;
    }
}

template <class Value>
int64_t random_value()
{
    return Value::Varies ? random_bits(Value::Bits) : Value::Value;
}

// Words of a value, as the parameter buffer has them.
template <class Value>
void pack_value(int32_t *at, size_t stride, int64_t value)
{
    if constexpr (Value::Varies) {
        if constexpr (Value::Words == 1) {
            *at = int32_t(value);
        } else {
            const int64_t low = value & ((int64_t(1) << Value::LowBits) - 1);
            at[0] = int32_t(uint32_t(low));
            at[stride] = int32_t((value - low) >> Value::LowBits);
        }
    }
}

template <class S>
constexpr unsigned words()
{
    return S::Scaling::Multiplier::Words + S::Scaling::Addend::Words;
}

template <class S, class...>
struct Head {
    using type = S;
};

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
    using First = typename Head<Stages...>::type;
    using Multiplier = typename First::Scaling::Multiplier;
    using Addend = typename First::Scaling::Addend;
    constexpr unsigned channels = NB * n;
    // What single has; first and last have parts of it, in buffers of their own.
    Buffer<int32_t> parameters((1 + words<First>()) * channels);
    Buffer<int32_t> bias(channels), scales(words<First>() * channels);
    std::vector<int64_t> multipliers(channels), addends(channels);
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
    for (size_t i = 0; i < channels; ++i) {
        bias[i] = int32_t(random64()) >> (random64() % 31);
        multipliers[i] = random_value<Multiplier>();
        addends[i] = random_value<Addend>();
        pack_value<Multiplier>(scales.bytes + i, channels, multipliers[i]);
        pack_value<Addend>(scales.bytes + Multiplier::Words * channels + i, channels, addends[i]);
    }
    std::memcpy(parameters.bytes, bias.bytes, channels * 4);
    std::memcpy(parameters.bytes + channels, scales.bytes, words<First>() * channels * 4);

    arriving.clear();
    leaving.clear();
    for (unsigned p = 0; p < Pieces; ++p) {
        if constexpr (Pieces == 1)
            Kernel::single(a[p].bytes, w[p].bytes, parameters.bytes, c.bytes);
        else if (p == 0)
            Kernel::first(a[p].bytes, w[p].bytes, bias.bytes);
        else if (p + 1 == Pieces) {
            if constexpr (words<First>() != 0)
                Kernel::last(a[p].bytes, w[p].bytes, scales.bytes, c.bytes);
            else
                Kernel::last(a[p].bytes, w[p].bytes, c.bytes);
        } else if constexpr (Pieces > 2)
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
            const TC expected = requantize_reference<TC, Stages...>(sum, multipliers[column], addends[column]);
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

// Every way to group blocks: both parities of rows, columns modulo 4; K as long as what is
// unrolled, and longer.
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
    check_cascades<TA, TW, TC, Acc, m, k, n, 2, 8, 2, Stages...>();
    check_cascades<TA, TW, TC, Acc, m, k, n, 1, 9, 1, Stages...>();
    check_cascades<TA, TW, TC, Acc, m, k, n, 5, 11, 7, Stages...>();
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
    using Multiplier = typename S::Scaling::Multiplier;
    using Addend = typename S::Scaling::Addend;
    constexpr unsigned lanes = sizeof(Acc) == 8 ? 16 : 32;
    constexpr unsigned columns = S::Shift % 2 == 0 ? 8 : 4;
    constexpr unsigned stride = 24;
    using Sums = aie::accum<std::conditional_t<sizeof(Acc) == 8, acc64, acc32>, lanes>;

    Out::template set_modes<8 * sizeof(Acc), lanes>();
    long wrong = 0;
    for (int block = 0; block < 80; ++block) {
        Sums sums;
        alignas(64) TC c[lanes];
        alignas(64) int32_t values[4 * stride];
        int64_t multipliers[columns], addends[columns];
        for (Acc &x : sums.data) {
            x = interesting_sum<Acc, S::Shift>();
            if (S::Scaling::Scales && S::Scaling::Bits < 8 * sizeof(Acc))
                x = Acc(int64_t(x) << (64 - S::Scaling::Bits) >> (64 - S::Scaling::Bits));
            if (S::Scaling::Scales && random64() % 16 == 0)
                x = Acc((random64() % 2 ? INT64_MIN : INT64_MAX) >> (64 - S::Scaling::Bits));
            if (!S::Scaling::Scales && S::Shift > 59) // 62 bits at most
                x = Acc(int64_t(x) >> 2);
        }
        for (unsigned i = 0; i < columns; ++i) {
            multipliers[i] = random_value<Multiplier>();
            addends[i] = random_value<Addend>();
            // Every other time a tie, in one of the lanes.
            if (Addend::Varies && S::Shift > 0 && unsigned(S::Shift) < Addend::Bits && block % 2) {
                const Wide one = Wide(1) << S::Shift;
                const Wide end = Wide(1) << (Addend::Bits - 1);
                Wide tie = addends[i] + one / 2 - (Wide(sums.data[i]) * multipliers[i] + addends[i]) % one;
                while (tie >= end)
                    tie -= one;
                while (tie < -end)
                    tie += one;
                addends[i] = int64_t(tie);
            }
            pack_value<Multiplier>(values + i, stride, multipliers[i]);
            pack_value<Addend>(values + Multiplier::Words * stride + i, stride, addends[i]);
        }
        if constexpr (Out::per_channel)
            Out::template store<columns, stride>(c, sums, values);
        else
            Out::store(c, sums);
        for (unsigned i = 0; i < lanes; ++i) {
            const int64_t m = multipliers[i % columns], b = addends[i % columns];
            const TC expected = requantize_reference<TC, S, Rest...>(sums.data[i], m, b);
            if (c[i] != expected && !wrong++ && failed < 20)
                std::printf("  sum %lld * %lld + %lld gives %lld, expected %lld\n", (long long)sums.data[i],
                            (long long)m, (long long)b, (long long)c[i], (long long)expected);
        }
    }
    report(wrong == 0, __PRETTY_FUNCTION__, "differs");
}

// An add kernel, of as many elements.
template <class TA, class TB, class TC, class Sum, long long FactorA, long long FactorB, unsigned Count, class... Stages>
void check_add()
{
    using First = typename Head<Stages...>::type;
    Buffer<TA> a(Count);
    Buffer<TB> b(Count);
    Buffer<TC> c(Count);
    for (unsigned i = 0; i < Count; ++i) {
        a[i] = random_element<TA>();
        b[i] = random_element<TB>();
    }
    Add<TA, TB, TC, Sum, FactorA, FactorB, Count, Stages...>::run(a.bytes, b.bytes, c.bytes);
    long wrong = 0;
    for (unsigned i = 0; i < Count; ++i) {
        const Wide sum = Wide(a[i]) * FactorA + Wide(b[i]) * FactorB;
        wrong += c[i] != requantize_reference<TC, Stages...>(sum, First::Scaling::Multiplier::Value,
                                                             First::Scaling::Addend::Value);
    }
    report(wrong == 0 && c.intact(), __PRETTY_FUNCTION__, "differs");
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

// A multiplier and an addend, per channel or constant, of so many bits, on every way through the core.
template <Rounding R, Overflow O, unsigned Width, long long Zero, class TC, class Multiplier, class Addend>
void check_scaled()
{
    constexpr long long any = 1ll << 40;
    constexpr long long lo = std::is_signed_v<TC> ? -any : 0;
    check_requantize<int32_t, TC, Stage<31, R, O, Width, lo, any, Zero, true, Scale<Multiplier, Addend>>>();
    check_requantize<int64_t, TC, Stage<38, R, O, Width, lo, any, Zero, true, Scale<Multiplier, Addend>>>();
    check_requantize<int64_t, TC, Stage<20, R, O, Width, lo, 100, Zero, true, Scale<Multiplier, Addend, 45>>>();
    check_requantize<int64_t, TC, Stage<59, R, O, Width, lo, any, Zero, true, Scale<Multiplier, Addend, 60>>>();
    check_requantize<int64_t, TC, Stage<17, R, O, Width, lo, any, Zero, true, Scale<Multiplier, Addend, 33>>>();
    check_requantize<int64_t, TC, Stage<40, R, O, Width, lo, any, Zero, true, Scale<Multiplier, Addend, 47>>>();
}

template <class Multiplier, class Addend>
void check_shifts()
{
    constexpr long long any = 1ll << 40;
    constexpr auto even = Rounding::nearest_even;
    using By = Scale<Multiplier, Addend>;
    using By62 = Scale<Multiplier, Addend, 62>;
    check_requantize<int32_t, int8_t, Stage<0, even, Overflow::saturate, 8, -any, any, 0, true, By>>();
    check_requantize<int32_t, int16_t, Stage<-3, even, Overflow::saturate, 16, -any, any, 99, true, By>>();
    check_requantize<int32_t, int8_t, Stage<-2, even, Overflow::wrap, 6, -any, any, 5, true, By>>();
    check_requantize<int64_t, int32_t, Stage<-31, even, Overflow::saturate, 32, -any, any, 0, true, By62>>();
    check_requantize<int64_t, int16_t, Stage<-31, even, Overflow::wrap, 16, -any, any, -1, true, By62>>();
    check_requantize<int64_t, int16_t, Stage<74, even, Overflow::saturate, 16, -any, any, 0, true, Scale<Multiplier, Addend, 47>>>();
    check_requantize<int64_t, int16_t, Stage<18, Rounding::away_from_zero, Overflow::wrap, 16, -any, any, 3, true, Scale<Multiplier, Addend, 47>>>();
    check_requantize<int32_t, uint8_t, Stage<60, even, Overflow::saturate, 8, 0, any, 3, true, By>>();
    check_requantize<int64_t, int32_t, Stage<63, even, Overflow::symmetric, 31, -any, any, -9, true, By62>>();
    check_requantize<int64_t, int16_t, Stage<64, even, Overflow::saturate, 16, -any, any, 0, true, By62>>();
    check_requantize<int64_t, int16_t, Stage<65, even, Overflow::wrap, 12, -any, any, 0, true, By62>>();
    check_requantize<int64_t, int32_t, Stage<90, even, Overflow::wrap, 32, -any, any, 0, true, By62>>();
    check_requantize<int64_t, int8_t, Stage<126, even, Overflow::saturate, 8, -any, any, 0, true, By62>>();
}

// All that depends on rounding, with multipliers.
template <Rounding R>
void check_scaled_rounding()
{
    using enum Overflow;
    check_scaled<R, saturate, 8, 0, int8_t, PerChannel<32>, Constant<0>>();
    check_scaled<R, symmetric, 8, 0, int8_t, Constant<1518500249>, PerChannel<62>>();
    check_scaled<R, saturate, 8, -7, int8_t, PerChannel<18>, PerChannel<62>>();
    check_scaled<R, wrap, 7, 6, int8_t, PerChannel<32>, PerChannel<63>>();
    check_scaled<R, saturate, 16, 11, uint16_t, PerChannel<32>, Constant<-987654321012>>();
    check_scaled<R, saturate, 8, 3, uint8_t, PerChannel<56>, PerChannel<64>>();
    check_scaled<R, symmetric, 30, 0, int32_t, PerChannel<63>, PerChannel<31>>();
    constexpr long long any = 1ll << 40;
    // As TensorFlow Lite rounds twice.
    check_requantize<int32_t, int8_t, Stage<31, Rounding::nearest_up, saturate, 32, -any, any, 0, true,
                                            Scale<PerChannel<32>, Constant<0>>>,
                     Stage<7, R, saturate, 8, -any, any, -5>>();
}

// All that depends on overflow, width and zero point, with multipliers.
template <Overflow O>
void check_scaled_overflow()
{
    constexpr Rounding R = Rounding::nearest_even;
    constexpr long long any = 1ll << 40;
    check_scaled<R, O, 8, 0, int8_t, Constant<1>, PerChannel<40>>();
    check_scaled<R, O, 8, 5, int8_t, Constant<1>, Constant<1234567890123>>();
    check_scaled<R, O, 6, -3, int8_t, Constant<-3>, Constant<0>>();
    check_scaled<R, O, 8, 127, uint8_t, Constant<(1ll << 31) - 1>, Constant<-(1ll << 61)>>();
    check_scaled<R, O, 8, 128, uint8_t, Constant<-(1ll << 31)>, Constant<(1ll << 62) - 1>>();
    check_scaled<R, O, 8, 128, uint8_t, Constant<1ll << 31>, Constant<(1ll << 62)>>();
    check_scaled<R, O, 13, 77, int16_t, PerChannel<32>, PerChannel<32>>();
    check_scaled<R, O, 16, 0, uint16_t, PerChannel<8>, PerChannel<33>>();
    check_scaled<R, O, 32, 0, int32_t, PerChannel<32>, PerChannel<62>>();
    check_scaled<R, O, 24, 1000, int32_t, PerChannel<62>, PerChannel<62>>();
    // Several stages, of which some are unsigned, wrap, or scale.
    using Scaled = Scale<PerChannel<32>, PerChannel<62>>;
    using By3 = Scale<Constant<3>, Constant<-100>>;
    using ByLong = Scale<Constant<123456789012345>, Constant<-(1ll << 50)>>;
    check_int8<Stage<24, R, O, 31, -any, any, 0, false, Scaled>, Stage<20, R, O, 8, -any, any, 0>>();
    check_int8<Stage<30, R, O, 16, -any, any, 9, false, Scaled>, Stage<4, Rounding::ceil, O, 8, -any, any, 1, true, By3>>();
    check_int8<Stage<30, R, O, 12, -any, 3000, 0, true, Scaled>,
               Stage<4, Rounding::nearest_odd, Overflow::wrap, 10, -any, any, 0, false, By3>,
               Stage<48, Rounding::floor, O, 8, -any, any, 2, true, ByLong>>();
    check_requantize<int32_t, uint8_t, Stage<9, R, O, 20, 0, any, 0, false>, Stage<40, R, O, 8, 3, any, 5, true, ByLong>>();
    check_requantize<int32_t, uint16_t, Stage<2, R, O, 20, -any, any, 0, false>, Stage<3, R, O, 16, -any, any, 5, true, By3>>();
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

    check_scaled_rounding<floor>();
    check_scaled_rounding<ceil>();
    check_scaled_rounding<toward_zero>();
    check_scaled_rounding<away_from_zero>();
    check_scaled_rounding<nearest_down>();
    check_scaled_rounding<nearest_up>();
    check_scaled_rounding<nearest_toward_zero>();
    check_scaled_rounding<nearest_away>();
    check_scaled_rounding<nearest_even>();
    check_scaled_rounding<nearest_odd>();

    check_scaled_overflow<saturate>();
    check_scaled_overflow<symmetric>();
    check_scaled_overflow<wrap>();
    check_shifts<PerChannel<32>, PerChannel<62>>();
    check_shifts<PerChannel<63>, PerChannel<64>>();
    check_shifts<Constant<-77>, Constant<12345>>();
    check_shifts<Constant<1>, Constant<0>>();

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
    using Zero8 = Stage<7, nearest_even, saturate, 8, -any, any, 128>;
    using Factors = Stage<33, nearest_even, saturate, 8, -any, any, -4, true, Scale<Constant<1>, Constant<1ll << 38>, 48>>;
    using Factors16 = Stage<33, nearest_even, saturate, 16, -any, any, 5, true, Scale<Constant<-3>, Constant<-7>, 48>>;
    using Long16 = Stage<45, nearest_even, saturate, 16, -any, any, 5, true, Scale<Constant<1ll << 44>, Constant<-7>, 20>>;

    // Per channel: multipliers, addends, both, and wider than 32 bits.
    using Multiplied = Stage<31, nearest_even, saturate, 8, -any, any, -3, true, Scale<PerChannel<32>, Constant<0>>>;
    using Added = Stage<11, nearest_up, saturate, 16, -any, any, 0, true, Scale<Constant<1>, PerChannel<40>, 40>>;
    using Both = Stage<33, nearest_away, saturate, 8, -any, any, 5, true, Scale<PerChannel<32>, PerChannel<62>>>;
    using Long = Stage<60, nearest_even, saturate, 16, -any, any, 1, true, Scale<PerChannel<56>, PerChannel<63>, 40>>;
    using Split = Stage<25, nearest_even, saturate, 16, -any, any, 0, true, Scale<PerChannel<20>, PerChannel<50>, 40>>;

    check_counts<int8_t, int8_t, int8_t, int32_t, 4, 8, 8, Multiplied>();
    check_cascades<int8_t, int8_t, int8_t, int32_t, 8, 8, 8, 3, 3, 3, Both>();
    check_cascades<uint8_t, int8_t, int8_t, int32_t, 4, 8, 8, 2, 2, 7, Both>();
    check_cascades<int16_t, int16_t, int16_t, int64_t, 4, 4, 8, 3, 3, 3, Long>();
    check_cascades<int16_t, int16_t, int16_t, int64_t, 2, 4, 8, 3, 3, 3, Split>();
    check_cascades<int8_t, int16_t, int16_t, int64_t, 4, 4, 8, 1, 3, 7, Added>();
    check_cascades<int16_t, int16_t, int8_t, int32_t, 4, 2, 8, 3, 3, 3, Multiplied>();
    check_cascades<int8_t, int8_t, int8_t, int32_t, 2, 8, 8, 1, 2, 3, Multiplied, Small>();

    check_add<int8_t, int8_t, int8_t, int32_t, 1, 4, 64, Relu>();
    check_add<int8_t, uint8_t, uint8_t, int32_t, 128, 1, 48, Zero8>();
    check_add<int8_t, int8_t, int8_t, int32_t, 12345, -54321, 96, Relu>();
    check_add<int8_t, uint8_t, int8_t, int64_t, -(1ll << 31), (1ll << 31) - 1, 80, Factors>();
    check_add<int16_t, uint16_t, int16_t, int64_t, 1 << 30, 1, 80, Factors16>();
    check_add<uint16_t, int16_t, uint16_t, int64_t, 1234567890, -987654321, 80, Factors16>();
    check_add<uint8_t, uint8_t, int8_t, int64_t, 1000, 3, 32, Small>();
    check_add<int16_t, int16_t, int16_t, int64_t, -1, 1, 32, Long16>();

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
