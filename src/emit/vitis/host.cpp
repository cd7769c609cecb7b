#include "streams.h"

#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>
#if __has_include(<xrt/xrt_graph.h>)
#include <xrt/xrt_graph.h>
#else
#include <experimental/xrt_graph.h>
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

const char *const usage =
    "Usage: host XCLBIN [OPTIONS]\n"
    "\n"
    "Sends inputs through the array and compares what comes out.\n"
    "\n"
    "  --input X.npy       of each input in turn: codes, or float32 that is quantized\n"
    "  --expect Y.npy      of each output in turn: codes, or float32 of codes\n"
    "  --data DIR          instead of --input: DIR/STREAM.txt or .bin of each stream [default: data]\n"
    "  --expected DIR      the same instead of --expect [default: expected, if nothing is given]\n"
    "  --output DIR        where to write each output as NUMBER.npy\n"
    "  --iterations N      how many are run to measure the throughput, at least [default: 1000]\n"
    "  --tries N           how often one iteration is run to measure the latency [default: 20]\n"
    "  --timeout SECONDS   how long to wait for each run [default: 10]\n";

/// Differences that are said.
constexpr size_t few = 10;

/// What a data mover is told to move.
constexpr size_t most_beats = 0x7fffffff;

/// What outputs hold before a run, so that what is not written is seen.
constexpr unsigned char poison = 0xA5;

[[noreturn]] void refuse(const std::string &message) { throw std::runtime_error(message); }

/// Numbers of a stream of whole iterations; none where nothing depends on one.
using Numbers = std::vector<std::optional<int64_t>>;

/// Codes of a tensor of whole batches, row-major.
using Codes = std::vector<int64_t>;

std::string read(const std::string &path)
{
    std::ifstream in(path, std::ios::binary);
    if (!in)
        refuse(path + ": cannot be read");
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool exists(const std::string &path) { return std::ifstream(path).good(); }

/// Little-endian integer of so many bytes.
int64_t integer(const char *bytes, int size, bool is_signed)
{
    uint64_t all = is_signed && bytes[size - 1] & 0x80 ? ~uint64_t(0) : 0;
    for (int byte = size; byte-- > 0;)
        all = all << 8 | static_cast<unsigned char>(bytes[byte]);
    return static_cast<int64_t>(all);
}

/// The code of a real value: the quotient as float32, limited, then rounded, ties to even.
int64_t quantized(double value, const Tensor &tensor)
{
    float quotient = static_cast<float>(value / tensor.scale);
    const float low = static_cast<float>(tensor.low - tensor.zero_point);
    const float high = static_cast<float>(tensor.high - tensor.zero_point);
    quotient = quotient > low ? quotient : low;
    quotient = quotient < high ? quotient : high;
    return static_cast<int64_t>(std::nearbyint(quotient)) + tensor.zero_point;
}

float real(int64_t code, const Tensor &tensor)
{
    return static_cast<float>(static_cast<double>(code - tensor.zero_point) * tensor.scale);
}

/// An array of NumPy's: integers, or real values.
struct Array {
    bool is_real = false;
    Codes integers;
    std::vector<double> reals;
    size_t count() const { return is_real ? reals.size() : integers.size(); }
};

Array read_npy(const std::string &path)
{
    const std::string all = read(path);
    if (all.size() < 12 || all.compare(0, 6, "\x93NUMPY") != 0)
        refuse(path + ": is no .npy file");
    const bool is_long = all[6] != 1;
    const size_t begin = is_long ? 12 : 10;
    const size_t length = static_cast<size_t>(integer(&all[8], is_long ? 4 : 2, false));
    if (all.size() < begin + length)
        refuse(path + ": ends within its header");
    const std::string header = all.substr(begin, length);
    const size_t type = header.find("'descr'");
    const size_t open = type == std::string::npos ? type : header.find('\'', type + 7);
    if (open == std::string::npos || header.size() < open + 4)
        refuse(path + ": has no element type");
    const char order = header[open + 1], kind = header[open + 2];
    const int size = header[open + 3] - '0';
    if (header.find("'fortran_order': True") != std::string::npos)
        refuse(path + ": has its columns first: save numpy.ascontiguousarray of it");
    const bool known = kind == 'f' ? size == 4 || size == 8 : (kind == 'i' || kind == 'u') && size <= 8;
    if (order == '>' || !known || size < 1)
        refuse(path + ": holds neither integers nor floats, or its last byte first");
    const size_t bytes = all.size() - begin - length;
    if (bytes % static_cast<size_t>(size))
        refuse(path + ": ends within an element");
    Array made;
    made.is_real = kind == 'f';
    for (size_t at = begin + length; at < all.size(); at += static_cast<size_t>(size)) {
        if (made.is_real && size == 4) {
            float value;
            std::memcpy(&value, &all[at], 4);
            made.reals.push_back(value);
        } else if (made.is_real) {
            double value;
            std::memcpy(&value, &all[at], 8);
            made.reals.push_back(value);
        } else {
            made.integers.push_back(integer(&all[at], size, kind == 'i'));
        }
    }
    return made;
}

void write_npy(const std::string &path, const Tensor &tensor, const Codes &codes)
{
    const size_t rows = codes.size() / static_cast<size_t>(tensor.columns);
    const std::string type = std::string(tensor.bytes == 1 ? "|" : "<") + (tensor.is_signed ? "i" : "u") +
                             std::to_string(tensor.bytes);
    std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + std::to_string(rows) +
                         ", " + std::to_string(tensor.columns) + "), }";
    header.append((64 - (header.size() + 11) % 64) % 64, ' ');
    header += '\n';
    std::ofstream out(path, std::ios::binary);
    out.write("\x93NUMPY\x01\x00", 8);
    const size_t length = header.size();
    out.put(static_cast<char>(length & 0xff)).put(static_cast<char>(length >> 8));
    out << header;
    for (const int64_t code : codes)
        for (int byte = 0; byte < tensor.bytes; ++byte)
            out.put(static_cast<char>(code >> (8 * byte)));
    if (!out.flush())
        refuse(path + ": cannot be written");
}

/// Numbers of an iteration of a stream.
size_t numbers_of(const Stream &stream, const Tensor &tensor)
{
    int row = 0;
    for (const Slice &slice : stream.slices)
        row += slice.pitch;
    return static_cast<size_t>(row * tensor.rows);
}

/// Where each number of a stream is in its tensor, of so many iterations; none if it pads one.
std::vector<std::optional<size_t>> places(const Stream &stream, const Tensor &tensor, size_t iterations)
{
    std::vector<std::optional<size_t>> all;
    for (size_t iteration = 0; iteration < iterations; ++iteration) {
        const size_t batch = iteration / blocks, block = iteration % blocks;
        for (const Slice &slice : stream.slices)
            for (int row = 0; row < tensor.rows; ++row)
                for (int at = 0; at < slice.pitch; ++at) {
                    const size_t of_batch = block * static_cast<size_t>(tensor.rows) + static_cast<size_t>(row);
                    const int column = slice.begin + at;
                    const bool is_there = of_batch < static_cast<size_t>(tensor.batch) && column < slice.end;
                    all.push_back(is_there ? std::optional<size_t>((batch * static_cast<size_t>(tensor.batch) + of_batch) *
                                                                      static_cast<size_t>(tensor.columns) +
                                                                  static_cast<size_t>(column))
                                           : std::nullopt);
                }
    }
    return all;
}

/// What streams carry of a tensor, of which there are whole batches.
Numbers streamed(const Stream &stream, const Tensor &tensor, const Codes &codes)
{
    const size_t batch = static_cast<size_t>(tensor.batch * tensor.columns);
    Numbers all;
    for (const auto &place : places(stream, tensor, codes.size() / batch * blocks))
        all.push_back(place ? std::optional<int64_t>(codes.at(*place)) : std::nullopt);
    return all;
}

/// A file of a stream: numbers as text, '-' where nothing depends on one, or bytes as they are sent.
Numbers read_stream(const std::string &folder, const Stream &stream, const Tensor &tensor)
{
    const std::string path = folder + "/" + stream.name;
    Numbers all;
    if (exists(path + ".bin")) {
        const std::string bytes = read(path + ".bin");
        for (size_t at = 0; at + static_cast<size_t>(tensor.bytes) <= bytes.size(); at += static_cast<size_t>(tensor.bytes))
            all.push_back(integer(&bytes[at], tensor.bytes, tensor.is_signed));
    } else {
        std::istringstream in(read(path + ".txt"));
        for (std::string word; in >> word;) {
            char *end = nullptr;
            const long long number = std::strtoll(word.c_str(), &end, 10);
            if (word != "-" && *end)
                refuse(path + ".txt: '" + word + "' is no number");
            all.push_back(word == "-" ? std::nullopt : std::optional<int64_t>(number));
        }
    }
    if (all.empty() || all.size() % numbers_of(stream, tensor))
        refuse(path + ": has " + std::to_string(all.size()) + " numbers, an iteration has " +
               std::to_string(numbers_of(stream, tensor)));
    return all;
}

/// Codes of an input or an output, of a file.
Codes codes_of(const std::string &path, const Tensor &tensor)
{
    const Array array = read_npy(path);
    const size_t batch = static_cast<size_t>(tensor.batch * tensor.columns);
    if (!array.count() || array.count() % batch)
        refuse(path + ": has " + std::to_string(array.count()) + " elements, a batch of '" + tensor.name + "' has " +
               std::to_string(batch));
    Codes codes = array.integers;
    for (const double value : array.reals)
        codes.push_back(quantized(value, tensor));
    for (const int64_t code : codes)
        if (code < tensor.low || code > tensor.high)
            refuse(path + ": code " + std::to_string(code) + " is outside [" + std::to_string(tensor.low) + ", " +
                   std::to_string(tensor.high) + "]; integers are codes, real values are float32");
    if (array.is_real && !tensor.is_input)
        for (size_t at = 0; at < codes.size(); ++at)
            if (real(codes[at], tensor) != static_cast<float>(array.reals[at]))
                refuse(path + ": element " + std::to_string(at) + " is no value that a code stands for");
    return codes;
}

/// A data mover with its buffer.
struct Lane {
    const Stream &stream;
    const Tensor &tensor;
    xrt::kernel kernel;
    size_t numbers;
    size_t iterations;
    xrt::bo buffer;

    Lane(const Stream &stream, const xrt::device &device, const xrt::uuid &loaded, size_t iterations)
        : stream(stream), tensor(tensors[static_cast<size_t>(stream.tensor)]),
          kernel(device, loaded, std::string(stream.kernel) + ":{" + stream.unit + "}"),
          numbers(numbers_of(stream, tensor)), iterations(iterations), buffer(device, bytes(), kernel.group_id(0))
    {
    }

    size_t bytes() const { return iterations * numbers * static_cast<size_t>(tensor.bytes); }

    /// Beats of so many iterations.
    int beats(size_t count) const
    {
        const size_t all = count * numbers * static_cast<size_t>(tensor.bytes) / static_cast<size_t>(stream.width / 8);
        if (all > most_beats)
            refuse("stream " + std::string(stream.name) + " has " + std::to_string(all) +
                   " beats, a data mover counts up to " + std::to_string(most_beats));
        return static_cast<int>(all);
    }

    void fill(const Numbers &all)
    {
        char *to = buffer.map<char *>();
        for (const auto &number : all)
            for (int byte = 0; byte < tensor.bytes; ++byte)
                *to++ = static_cast<char>(number.value_or(0) >> (8 * byte));
        buffer.sync(XCL_BO_SYNC_BO_TO_DEVICE);
    }

    void clear()
    {
        std::memset(buffer.map<char *>(), poison, bytes());
        buffer.sync(XCL_BO_SYNC_BO_TO_DEVICE);
    }

    std::vector<int64_t> take()
    {
        buffer.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
        const char *from = buffer.map<char *>();
        std::vector<int64_t> all;
        for (size_t at = 0; at < iterations * numbers; ++at, from += tensor.bytes)
            all.push_back(integer(from, tensor.bytes, tensor.is_signed));
        return all;
    }
};

/// What is to be run, and how.
struct Options {
    std::string image, data = "data", expected, output;
    std::vector<std::string> inputs, expects;
    size_t iterations = 1000, tries = 20;
    std::chrono::milliseconds timeout{10000};
};

size_t count_of(const std::string &flag, const std::string &text)
{
    char *end = nullptr;
    const long number = std::strtol(text.c_str(), &end, 10);
    if (text.empty() || *end || number < 0 || number > 1000000000)
        refuse(flag + ": '" + text + "' is no number from 0 to 1000000000");
    return static_cast<size_t>(number);
}

Options parsed(int count, char **words)
{
    Options options;
    for (int at = 1; at < count; ++at) {
        const std::string word = words[at];
        if (word.compare(0, 2, "--") != 0) {
            if (!options.image.empty())
                refuse("'" + word + "' is one file too many");
            options.image = word;
            continue;
        }
        if (at + 1 == count)
            refuse(word + ": needs a value");
        const std::string value = words[++at];
        if (word == "--input")
            options.inputs.push_back(value);
        else if (word == "--expect")
            options.expects.push_back(value);
        else if (word == "--data")
            options.data = value;
        else if (word == "--expected")
            options.expected = value;
        else if (word == "--output")
            options.output = value;
        else if (word == "--iterations")
            options.iterations = count_of(word, value);
        else if (word == "--tries")
            options.tries = count_of(word, value);
        else if (word == "--timeout")
            options.timeout = std::chrono::milliseconds(1000 * count_of(word, value));
        else
            refuse("there is no option " + word);
    }
    // What belongs to the data that is sent if nothing else is said.
    if (options.inputs.empty() && options.data == "data" && options.expects.empty() && options.expected.empty())
        options.expected = "expected";
    return options;
}

/// Numbers of each stream in one direction: of tensors, or of files of streams.
std::vector<Numbers> numbers(bool inputs, const std::vector<std::string> &files, const std::string &folder)
{
    std::vector<Codes> codes;
    if (!files.empty()) {
        size_t next = 0;
        for (const Tensor &tensor : tensors) {
            if (tensor.is_input == inputs && next < files.size())
                codes.push_back(codes_of(files[next], tensor));
            else
                codes.emplace_back();
            next += tensor.is_input == inputs;
        }
        if (next != files.size())
            refuse("there are " + std::to_string(next) + (inputs ? " inputs, " : " outputs, ") +
                   std::to_string(files.size()) + " files are given");
    }
    std::vector<Numbers> all;
    for (const Stream &stream : streams) {
        const Tensor &tensor = tensors[static_cast<size_t>(stream.tensor)];
        if (tensor.is_input == inputs)
            all.push_back(files.empty() ? read_stream(folder, stream, tensor)
                                        : streamed(stream, tensor, codes[static_cast<size_t>(stream.tensor)]));
    }
    return all;
}

class Session {
public:
    Session(const Options &options, size_t iterations)
        : options(options), device(0), loaded(device.load_xclbin(options.image)), graph(device, loaded, graph_name)
    {
        for (const Stream &stream : streams) {
            const bool is_input = tensors[static_cast<size_t>(stream.tensor)].is_input;
            (is_input ? inputs : outputs).emplace_back(stream, device, loaded, iterations);
        }
    }

    /// Sends the first `iterations` of the inputs so many times; returns the seconds that it took.
    double run(size_t iterations, size_t passes)
    {
        std::vector<xrt::run> sinks, sources;
        for (Lane &lane : outputs)
            lane.clear();
        for (Lane &lane : outputs)
            sinks.push_back(lane.kernel(lane.buffer, nullptr, lane.beats(iterations), static_cast<int>(passes)));
        graph.run(static_cast<uint32_t>(iterations * passes));
        const auto start = std::chrono::steady_clock::now();
        for (Lane &lane : inputs)
            sources.push_back(lane.kernel(lane.buffer, nullptr, lane.beats(iterations), static_cast<int>(passes)));
        for (size_t at = 0; at < sinks.size(); ++at)
            await(sinks[at], outputs[at]);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        for (size_t at = 0; at < sources.size(); ++at)
            await(sources[at], inputs[at]);
        graph.wait(options.timeout);
        return took.count();
    }

    void end() { graph.end(); }

    const Options &options;
    xrt::device device;
    xrt::uuid loaded;
    xrt::graph graph;
    std::vector<Lane> inputs, outputs;

private:
    void await(const xrt::run &run, const Lane &lane) const
    {
        if (run.wait(options.timeout) != ERT_CMD_STATE_COMPLETED)
            refuse("stream " + std::string(lane.stream.name) + " did not end within " +
                   std::to_string(options.timeout.count() / 1000) + " s");
    }
};

/// What was compared, and how much of it differs.
struct Compared {
    size_t total = 0, wrong = 0;

    void add(Lane &lane, const std::vector<int64_t> &found, const Numbers &expected, size_t iterations)
    {
        const auto all = places(lane.stream, lane.tensor, iterations);
        for (size_t at = 0; at < iterations * lane.numbers && at < expected.size(); ++at) {
            if (!expected[at])
                continue;
            ++total;
            if (found[at] == *expected[at])
                continue;
            if (wrong++ >= few)
                continue;
            std::printf("%s: number %zu", lane.stream.name, at);
            if (all[at])
                std::printf(" (row %zu, column %zu of '%s')", *all[at] / static_cast<size_t>(lane.tensor.columns),
                            *all[at] % static_cast<size_t>(lane.tensor.columns), lane.tensor.name);
            std::printf(" is %lld, not %lld\n", static_cast<long long>(found[at]), static_cast<long long>(*expected[at]));
        }
    }
};

void write_outputs(const std::string &folder, Session &session, size_t iterations)
{
    size_t number = 0;
    for (size_t tensor = 0; tensor < tensors.size(); ++tensor) {
        const Tensor &of = tensors[tensor];
        if (of.is_input)
            continue;
        Codes codes((iterations + blocks - 1) / blocks * static_cast<size_t>(of.batch * of.columns));
        for (Lane &lane : session.outputs) {
            if (static_cast<size_t>(lane.stream.tensor) != tensor)
                continue;
            const std::vector<int64_t> found = lane.take();
            const auto all = places(lane.stream, of, iterations);
            for (size_t at = 0; at < all.size(); ++at)
                if (all[at])
                    codes[*all[at]] = found[at];
        }
        write_npy(folder + "/" + std::to_string(number++) + ".npy", of, codes);
    }
}

int run(const Options &options)
{
    const std::vector<Numbers> sent = numbers(true, options.inputs, options.data);
    std::vector<Numbers> expected;
    if (!options.expects.empty() || !options.expected.empty())
        expected = numbers(false, options.expects, options.expected);

    // As many iterations as the inputs have, which all have to be the same.
    std::optional<size_t> iterations;
    size_t input = 0, output = 0;
    for (const Stream &stream : streams) {
        const Tensor &tensor = tensors[static_cast<size_t>(stream.tensor)];
        if (!tensor.is_input && expected.empty())
            continue;
        const Numbers &own = tensor.is_input ? sent[input++] : expected[output++];
        const size_t count = own.size() / numbers_of(stream, tensor);
        if (count != iterations.value_or(count))
            refuse("stream " + std::string(stream.name) + " has " + std::to_string(count) + " iterations, others have " +
                   std::to_string(*iterations));
        iterations = count;
    }
    if (!iterations || !*iterations)
        refuse("there is no input to send");

    Session session(options, *iterations);
    for (size_t at = 0; at < session.inputs.size(); ++at)
        session.inputs[at].fill(sent[at]);

    Compared alone, together;
    const auto compare = [&](Compared &compared, size_t count) {
        for (size_t at = 0; at < expected.size(); ++at)
            compared.add(session.outputs[at], session.outputs[at].take(), expected[at], count);
    };

    // One iteration at a time: the first of the inputs.
    std::vector<double> latencies;
    for (size_t time = 0; time < options.tries; ++time) {
        latencies.push_back(session.run(1, 1));
        compare(alone, 1);
    }
    // All of them, as often as it takes.
    const size_t passes = std::max<size_t>(1, (options.iterations + *iterations - 1) / *iterations);
    const double seconds = session.run(*iterations, passes);
    compare(together, *iterations);
    if (!options.output.empty())
        write_outputs(options.output, session, *iterations);
    session.end();

    if (!latencies.empty()) {
        std::sort(latencies.begin(), latencies.end());
        std::printf("latency: %.1f us of one iteration, least %.1f, most %.1f of %zu\n",
                    1e6 * latencies[latencies.size() / 2], 1e6 * latencies.front(), 1e6 * latencies.back(), latencies.size());
    }
    const double all = static_cast<double>(*iterations * passes);
    std::printf("throughput: %.0f iterations a second, %.3f us each, of %zu\n", all / seconds, 1e6 * seconds / all,
                *iterations * passes);
    if (expected.empty()) {
        std::printf("nothing was compared\n");
        return 0;
    }
    if (alone.total)
        std::printf("one iteration at a time: %zu of %zu numbers equal\n", alone.total - alone.wrong, alone.total);
    std::printf("%zu of %zu numbers equal\n", together.total - together.wrong, together.total);
    return alone.wrong || together.wrong || !together.total ? 1 : 0;
}

} // namespace

int main(int count, char **words)
{
    try {
        const Options options = parsed(count, words);
        if (options.image.empty()) {
            std::fputs(usage, stderr);
            return 2;
        }
        return run(options);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 1;
    }
}
