// The part of AMD's ADF that emitted graphs use, for a host compiler: a graph is
// built by the same calls, checked, written down, and run.
//
// What is meant by each call is as AMD documents it (UG1603 and UG1079, AI Engine
// (ML) Kernel and Graph Programming; UG1076, TXT File Format). An iteration runs
// every node once, in the order of the connections:
//
//   * a stream of programmable logic gives what its readers take;
//   * a shared buffer is filled by all of its inputs, then read by all outputs;
//   * a kernel takes all of its inputs, and its output goes to every reader.
//
// Not modeled: time, locks, routes, and how much a cascade holds; half a pair of
// buffers is as good as the other. Memory begins with a pattern that no result
// may depend on.
//
// Environment:
//   AIE4ML_ADF_DUMP        file to write the graph to, as JSON, when it is loaded
//   AIE4ML_ADF_ITERATIONS  how many iterations run() runs, instead of its argument

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <memory>
#include <sstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

/// Ports of a cascade, as kernels see them.
template <class Sum>
struct input_cascade {
    std::deque<std::vector<unsigned char>> *words;
};
template <class Sum>
struct output_cascade {
    std::vector<std::deque<std::vector<unsigned char>> *> readers;
};

namespace adf {

enum plio_type { plio_32_bits = 32, plio_64_bits = 64, plio_128_bits = 128 };
enum return_code { ok = 0 };

/// Directions of ports.
struct input {};
struct output {};

/// Kinds of connections and of places.
struct blank {};
struct cascade {};
struct buffer;
struct stack;
struct ratio;
class kernel;
class parameter;
class PLIO;

struct traversing_parameters {
    uint32_t dimension = 0;
    uint32_t stride = 0;
    uint32_t wrap = 0;
};

struct tiling_parameters {
    std::vector<uint32_t> buffer_dimension;
    std::vector<uint32_t> tiling_dimension;
    std::vector<int32_t> offset;
    std::vector<traversing_parameters> tile_traversal;
};

using access_pattern = tiling_parameters;

inline access_pattern tiling(const tiling_parameters &parameters) { return parameters; }

namespace emulation {

constexpr size_t cascade_bytes = 64;

/// Memory that nothing was written to.
constexpr unsigned char unwritten = 0xA5;

[[noreturn]] inline void refuse(const std::string &message)
{
    std::fprintf(stderr, "adf: %s\n", message.c_str());
    std::exit(1);
}

/// Column, row and, in memory, the offset in bytes; a stream's column and channel.
struct Place {
    int column = -1;
    int row = -1;
    int offset = -1;
};

enum class Kind { buffer, cascade };

/// One port of a node.
struct Port {
    Kind kind = Kind::buffer;
    bool in = false;
    /// Bytes of an element, 0 for a cascade, and whether it is a signed integer.
    size_t bytes = 0;
    bool is_signed = true;
    std::vector<uint32_t> dimensions;
    std::vector<access_pattern> access;
    std::vector<Place> places;
    /// Contents of a kernel's buffer.
    std::vector<unsigned char> data;
    std::deque<std::vector<unsigned char>> words;
    /// The elements that move, in order.
    std::vector<size_t> walk;

    size_t elements() const
    {
        size_t count = dimensions.empty() ? 0 : 1;
        for (uint32_t extent : dimensions)
            count *= extent;
        return count;
    }
};

/// A constant of a kernel.
struct Parameter {
    const void *data = nullptr;
    size_t bytes = 0;
    std::vector<Place> places;
};

enum class NodeKind { kernel, memory, plio_in, plio_out };

struct Node {
    NodeKind kind;
    std::deque<Port> in, out;
    /// Of a kernel the source, of a stream the name.
    std::string name;
    std::vector<Place> places, stack_places;
    std::vector<Parameter> parameters;
    std::function<void(Node &, const std::vector<std::vector<std::deque<std::vector<unsigned char>> *>> &)> call;
    float runtime = 0;
    int stack = 1024;
    int buffers = 1;
    /// Contents of a shared buffer.
    std::vector<unsigned char> data;
    /// Of a stream: bits of a beat, the file, its numbers and the next of them.
    int width = 32;
    std::string file;
    std::vector<int64_t> numbers;
    size_t next = 0;
};

/// A port of a node, by number.
struct End {
    size_t node;
    size_t port;
    bool in;
};

struct Edge {
    End from, to;
    bool is_cascade;
};

/// What the graph consists of; there is one in a program.
struct Graph {
    std::deque<Node> nodes;
    std::vector<Edge> edges;
    std::deque<Parameter> unconnected;
    std::vector<size_t> order;

    Port &port(const End &end) { return end.in ? nodes[end.node].in[end.port] : nodes[end.node].out[end.port]; }
};

inline Graph &graph()
{
    static Graph all;
    return all;
}

constexpr size_t nowhere = ~size_t(0);

inline std::string name_of(const End &end)
{
    static const char *const kinds[] = {"kernel", "shared buffer", "input", "output"};
    const Node &node = graph().nodes[end.node];
    return std::string(kinds[int(node.kind)]) + " " + std::to_string(end.node) +
           (node.name.empty() ? "" : " (" + node.name + ")") + (end.in ? ".in[" : ".out[") + std::to_string(end.port) +
           "]";
}

/// The elements that an access visits, in order.
inline std::vector<size_t> visited(const Port &port, const std::vector<uint32_t> &whole, const std::string &who)
{
    size_t size = 1;
    for (uint32_t extent : whole)
        size *= extent;
    std::vector<size_t> all;
    if (port.access.empty()) {
        for (size_t at = 0; at < size; ++at)
            all.push_back(at);
        return all;
    }
    for (const access_pattern &pattern : port.access) {
        const std::vector<uint32_t> &shape = pattern.buffer_dimension.empty() ? whole : pattern.buffer_dimension;
        const size_t rank = shape.size();
        if (pattern.tiling_dimension.size() != rank || pattern.offset.size() != rank)
            refuse(who + " has an access pattern whose buffer, tile and offset differ in their dimensions");
        size_t product = 1;
        for (uint32_t extent : shape)
            product *= extent;
        if (product != size)
            refuse(who + " has an access pattern for a buffer of another size");
        // The address generators of the array count words of 32 bits.
        if (shape[0] * port.bytes % 4 || pattern.tiling_dimension[0] * port.bytes % 4)
            refuse(who + " has an access pattern that is not of whole words of 32 bits");
        // Tiles one after the other, the first loop innermost.
        std::vector<std::vector<int64_t>> corners = {{pattern.offset.begin(), pattern.offset.end()}};
        for (size_t loop = pattern.tile_traversal.size(); loop-- > 0;) {
            const traversing_parameters &step = pattern.tile_traversal[loop];
            if (step.dimension >= rank)
                refuse(who + " moves tiles along a dimension that its buffer lacks");
            std::vector<std::vector<int64_t>> moved;
            for (const auto &corner : corners)
                for (uint32_t time = 0; time < step.wrap; ++time) {
                    moved.push_back(corner);
                    moved.back()[step.dimension] += int64_t(time) * step.stride;
                }
            corners = std::move(moved);
        }
        size_t tile = 1;
        for (uint32_t extent : pattern.tiling_dimension)
            tile *= extent;
        for (const auto &corner : corners)
            for (size_t element = 0; element < tile; ++element) {
                size_t rest = element, at = 0, stride = 1;
                for (size_t d = 0; d < rank; ++d) {
                    const int64_t place = corner[d] + int64_t(rest % pattern.tiling_dimension[d]);
                    rest /= pattern.tiling_dimension[d];
                    if (place < 0 || place >= int64_t(shape[d]))
                        refuse(who + " has an access pattern that leaves its buffer");
                    at += size_t(place) * stride;
                    stride *= shape[d];
                }
                all.push_back(at);
            }
    }
    return all;
}

/// Elements that move through a port in an iteration; 0 if the other side decides.
inline size_t volume(const End &end)
{
    const Node &node = graph().nodes[end.node];
    if (node.kind == NodeKind::plio_in || node.kind == NodeKind::plio_out)
        return 0;
    Port &port = graph().port(end);
    if (port.elements() == 0)
        refuse(name_of(end) + " has no dimensions");
    if (port.walk.empty())
        port.walk = visited(port, port.dimensions, name_of(end));
    return port.walk.size();
}

template <class Sum>
void put(output_cascade<Sum> *cascade, const void *word)
{
    if (!cascade)
        refuse("a kernel writes to a cascade that it does not have");
    const unsigned char *bytes = static_cast<const unsigned char *>(word);
    for (auto *reader : cascade->readers)
        reader->emplace_back(bytes, bytes + cascade_bytes);
}

template <class Sum>
void get(input_cascade<Sum> *cascade, void *word)
{
    if (!cascade)
        refuse("a kernel reads from a cascade that it does not have");
    if (cascade->words->empty())
        refuse("a kernel reads more of its cascade than the one before it wrote");
    std::memcpy(word, cascade->words->front().data(), cascade_bytes);
    cascade->words->pop_front();
}

} // namespace emulation

/// What a kernel reads and writes.
template <class T>
struct input_buffer {
    const T *memory;
    const T *data() const { return memory; }
};
template <class T>
struct output_buffer {
    T *memory;
    T *data() const { return memory; }
};

/// A port of a node of the graph.
template <class Direction>
class port {
public:
    emulation::End end{emulation::nowhere, 0, false};
};

using input_port = port<input>;
using output_port = port<output>;

/// A place, or where one is noted.
class location_constraint {
public:
    location_constraint(emulation::Place place) : place(place) {}
    explicit location_constraint(std::vector<emulation::Place> *noted) : noted(noted) {}

    location_constraint &operator=(const location_constraint &other)
    {
        return *this = std::vector<location_constraint>{other};
    }
    location_constraint(const location_constraint &) = default;
    location_constraint &operator=(const std::vector<location_constraint> &others)
    {
        if (!noted)
            emulation::refuse("a place is given to what has none");
        noted->clear();
        for (const location_constraint &other : others)
            noted->push_back(other.place);
        return *this;
    }

private:
    emulation::Place place;
    std::vector<emulation::Place> *noted = nullptr;
};

inline location_constraint tile(int column, int row) { return emulation::Place{column, row, -1}; }
inline location_constraint address(int column, int row, int offset) { return emulation::Place{column, row, offset}; }
inline location_constraint shim(int column, int channel) { return emulation::Place{column, channel, -1}; }

/// A property that is assigned to.
template <class T>
class constraint {
public:
    explicit constraint(T &noted) : noted(noted) {}
    void operator=(const T &value) { noted = value; }

private:
    T &noted;
};

template <class T>
class constraints {
public:
    explicit constraints(std::vector<T> &noted) : noted(noted) {}
    void operator=(const T &value) { noted = {value}; }
    void operator=(const std::vector<T> &values) { noted = values; }

private:
    std::vector<T> &noted;
};

namespace emulation {

/// An argument of a kernel's function: its port, and what is passed.
template <class Argument>
struct Passed;

template <class T>
struct Passed<input_buffer<T> &> {
    input_buffer<T> value;
    static void add(Node &node)
    {
        Port port;
        port.in = true;
        port.bytes = sizeof(T);
        port.is_signed = std::is_signed_v<T>;
        node.in.push_back(port);
    }
    template <class Readers>
    static Passed take(Node &node, const Readers &, size_t &in, size_t &)
    {
        return {{reinterpret_cast<const T *>(node.in[in++].data.data())}};
    }
    input_buffer<T> &pass() { return value; }
};

template <class T>
struct Passed<output_buffer<T> &> {
    output_buffer<T> value;
    static void add(Node &node)
    {
        Port port;
        port.bytes = sizeof(T);
        port.is_signed = std::is_signed_v<T>;
        node.out.push_back(port);
    }
    template <class Readers>
    static Passed take(Node &node, const Readers &, size_t &, size_t &out)
    {
        return {{reinterpret_cast<T *>(node.out[out++].data.data())}};
    }
    output_buffer<T> &pass() { return value; }
};

template <class Sum>
struct Passed<input_cascade<Sum> *> {
    input_cascade<Sum> value;
    static void add(Node &node)
    {
        Port port;
        port.kind = Kind::cascade;
        port.in = true;
        node.in.push_back(port);
    }
    template <class Readers>
    static Passed take(Node &node, const Readers &, size_t &in, size_t &)
    {
        return {{&node.in[in++].words}};
    }
    input_cascade<Sum> *pass() { return &value; }
};

template <class Sum>
struct Passed<output_cascade<Sum> *> {
    output_cascade<Sum> value;
    static void add(Node &node)
    {
        Port port;
        port.kind = Kind::cascade;
        node.out.push_back(port);
    }
    template <class Readers>
    static Passed take(Node &, const Readers &readers, size_t &, size_t &out)
    {
        return {{readers[out++]}};
    }
    output_cascade<Sum> *pass() { return &value; }
};

template <class Direction>
std::vector<port<Direction>> ports(size_t node, size_t count, bool in)
{
    std::vector<port<Direction>> all(count);
    for (size_t index = 0; index < count; ++index)
        all[index].end = End{node, index, in};
    return all;
}

} // namespace emulation

class parameter {
public:
    emulation::Parameter *known = nullptr;
    size_t kernel = emulation::nowhere;
    size_t number = 0;

    template <class T, size_t count>
    static parameter array(T (&values)[count])
    {
        parameter made;
        emulation::graph().unconnected.push_back({values, sizeof(values), {}});
        made.known = &emulation::graph().unconnected.back();
        return made;
    }
};

class kernel {
public:
    std::vector<port<input>> in;
    std::vector<port<output>> out;
    size_t node = emulation::nowhere;

    template <class... Arguments>
    static kernel create(void (&function)(Arguments...))
    {
        auto &nodes = emulation::graph().nodes;
        kernel made;
        made.node = nodes.size();
        nodes.push_back({emulation::NodeKind::kernel});
        emulation::Node &node = nodes.back();
        (emulation::Passed<Arguments>::add(node), ...);
        auto *called = &function;
        node.call = [called](emulation::Node &node, const auto &readers) {
            size_t in = 0, out = 0;
            std::tuple<emulation::Passed<Arguments>...> all{
                emulation::Passed<Arguments>::take(node, readers, in, out)...};
            std::apply([called](auto &...each) { called(each.pass()...); }, all);
        };
        made.in = emulation::ports<input>(made.node, node.in.size(), true);
        made.out = emulation::ports<output>(made.node, node.out.size(), false);
        return made;
    }

    emulation::Node &known() const
    {
        if (node == emulation::nowhere)
            emulation::refuse("a kernel is used before it is created");
        return emulation::graph().nodes[node];
    }
};

class shared_buffer_base {
public:
    size_t node = emulation::nowhere;

    emulation::Node &known() const
    {
        if (node == emulation::nowhere)
            emulation::refuse("a shared buffer is used before it is created");
        return emulation::graph().nodes[node];
    }
};

template <class T>
class shared_buffer : public shared_buffer_base {
public:
    std::vector<port<input>> in;
    std::vector<port<output>> out;

    static shared_buffer create(const std::vector<uint32_t> &dimension, size_t inputs, size_t outputs)
    {
        auto &nodes = emulation::graph().nodes;
        shared_buffer made;
        made.node = nodes.size();
        nodes.push_back({emulation::NodeKind::memory});
        emulation::Node &node = nodes.back();
        emulation::Port port;
        port.bytes = sizeof(T);
        port.is_signed = std::is_signed_v<T>;
        port.dimensions = dimension;
        for (size_t index = 0; index < outputs; ++index)
            node.out.push_back(port);
        port.in = true;
        for (size_t index = 0; index < inputs; ++index)
            node.in.push_back(port);
        node.data.assign(port.elements() * sizeof(T), emulation::unwritten);
        made.in = emulation::ports<input>(made.node, inputs, true);
        made.out = emulation::ports<output>(made.node, outputs, false);
        return made;
    }
};

class PLIO {
public:
    size_t node = emulation::nowhere;

protected:
    static size_t make(emulation::NodeKind kind, const std::string &name, plio_type width, const std::string &file)
    {
        auto &nodes = emulation::graph().nodes;
        nodes.push_back({kind});
        emulation::Node &node = nodes.back();
        node.name = name;
        node.width = width;
        node.file = file;
        emulation::Port port;
        port.in = kind == emulation::NodeKind::plio_out;
        (port.in ? node.in : node.out).push_back(port);
        return nodes.size() - 1;
    }
};

class input_plio : public PLIO {
public:
    std::vector<port<output>> out;

    static input_plio create(const std::string &name, plio_type width, const std::string &file)
    {
        input_plio made;
        made.node = make(emulation::NodeKind::plio_in, name, width, file);
        made.out = emulation::ports<output>(made.node, 1, false);
        return made;
    }
};

class output_plio : public PLIO {
public:
    std::vector<port<input>> in;

    static output_plio create(const std::string &name, plio_type width, const std::string &file)
    {
        output_plio made;
        made.node = make(emulation::NodeKind::plio_out, name, width, file);
        made.in = emulation::ports<input>(made.node, 1, true);
        return made;
    }
};

template <class What = blank>
class connect {
public:
    connect(port<output> &from, port<input> &to)
    {
        using namespace emulation;
        if (from.end.node == nowhere || to.end.node == nowhere)
            refuse("a port is connected before its node is created");
        graph().edges.push_back({from.end, to.end, std::is_same_v<What, cascade>});
    }
    connect(parameter &constant, const kernel &reader)
    {
        auto &parameters = reader.known().parameters;
        constant.kernel = reader.node;
        constant.number = parameters.size();
        parameters.push_back(*constant.known);
    }
};

inline constraint<std::string> source(const kernel &node) { return constraint<std::string>(node.known().name); }
template <class What>
constraint<float> runtime(const kernel &node)
{
    static_assert(std::is_same_v<What, ratio>);
    return constraint<float>(node.known().runtime);
}
inline constraint<int> stack_size(const kernel &node) { return constraint<int>(node.known().stack); }
inline constraint<int> num_buffers(const shared_buffer_base &memory) { return constraint<int>(memory.known().buffers); }

template <class Direction>
constraint<std::vector<uint32_t>> dimensions(port<Direction> &of)
{
    return constraint<std::vector<uint32_t>>(emulation::graph().port(of.end).dimensions);
}
inline constraints<access_pattern> write_access(port<input> &of)
{
    return constraints<access_pattern>(emulation::graph().port(of.end).access);
}
inline constraints<access_pattern> read_access(port<output> &of)
{
    return constraints<access_pattern>(emulation::graph().port(of.end).access);
}

template <class What>
location_constraint location(const kernel &node)
{
    static_assert(std::is_same_v<What, kernel> || std::is_same_v<What, stack>);
    return location_constraint(std::is_same_v<What, stack> ? &node.known().stack_places : &node.known().places);
}
template <class What, class Direction>
location_constraint location(port<Direction> &of)
{
    static_assert(std::is_same_v<What, buffer>);
    return location_constraint(&emulation::graph().port(of.end).places);
}
template <class What>
location_constraint location(const shared_buffer_base &memory)
{
    static_assert(std::is_same_v<What, buffer>);
    return location_constraint(&memory.known().places);
}
template <class What>
location_constraint location(const parameter &of)
{
    static_assert(std::is_same_v<What, parameter>);
    if (of.kernel == emulation::nowhere)
        emulation::refuse("a constant has a place before it has a kernel");
    return location_constraint(&emulation::graph().nodes[of.kernel].parameters[of.number].places);
}
template <class What>
location_constraint location(const PLIO &io)
{
    static_assert(std::is_same_v<What, PLIO>);
    return location_constraint(&emulation::graph().nodes[io.node].places);
}

/// A graph, built by the constructor of a class that is derived from it.
class graph {
public:
    return_code init()
    {
        load();
        for (emulation::Node &node : all().nodes)
            if (node.kind == emulation::NodeKind::plio_in)
                read(node);
        return ok;
    }

    /// What booting a board does: the graph is there, and waits for data.
    void load()
    {
        check();
        if (const char *file = std::getenv("AIE4ML_ADF_DUMP")) {
            std::ofstream out(file);
            dump(out);
            if (!out.flush())
                emulation::refuse(std::string(file) + " cannot be written");
        }
        for (emulation::Node &node : all().nodes) {
            for (auto *ports : {&node.in, &node.out})
                for (emulation::Port &port : *ports)
                    if (node.kind == emulation::NodeKind::kernel)
                        port.data.assign(port.elements() * port.bytes, emulation::unwritten);
        }
    }

    /// Whether all streams of programmable logic have what an iteration takes.
    bool is_fed() const
    {
        for (const emulation::Edge &edge : all().edges) {
            const emulation::Node &node = all().nodes[edge.from.node];
            if (node.kind == emulation::NodeKind::plio_in &&
                node.numbers.size() < node.next + emulation::volume(edge.to))
                return false;
        }
        return true;
    }

    void iterate()
    {
        for (size_t node : all().order)
            step(node);
    }

    /// Bytes of a number of a stream of programmable logic, which are those of the other end.
    size_t element_bytes(const emulation::Node &stream) const
    {
        for (const emulation::Edge &edge : all().edges) {
            if (&all().nodes[edge.from.node] == &stream)
                return all().port(edge.to).bytes;
            if (&all().nodes[edge.to.node] == &stream)
                return all().port(edge.from).bytes;
        }
        emulation::refuse(stream.name + " is connected to nothing");
    }

    return_code run(int iterations)
    {
        if (const char *text = std::getenv("AIE4ML_ADF_ITERATIONS"))
            iterations = std::atoi(text);
        for (int iteration = 0; iteration < iterations; ++iteration)
            iterate();
        return ok;
    }

    return_code wait() { return ok; }

    return_code end()
    {
        for (const emulation::Node &node : all().nodes)
            if (node.kind == emulation::NodeKind::plio_out)
                write(node);
        return ok;
    }

private:
    static emulation::Graph &all() { return emulation::graph(); }

    // What the tools would refuse, or wait for in vain.
    static void check()
    {
        using namespace emulation;
        Graph &graph = all();
        std::vector<std::vector<size_t>> after(graph.nodes.size());
        std::vector<size_t> before(graph.nodes.size());
        for (const Edge &edge : graph.edges) {
            const Port &from = graph.port(edge.from), &to = graph.port(edge.to);
            if ((from.kind == Kind::cascade) != edge.is_cascade || (to.kind == Kind::cascade) != edge.is_cascade)
                refuse(name_of(edge.from) + " and " + name_of(edge.to) + " are not connected as what they are");
            after[edge.from.node].push_back(edge.to.node);
            ++before[edge.to.node];
            if (edge.is_cascade)
                continue;
            const size_t given = volume(edge.from), taken = volume(edge.to);
            const size_t size = from.bytes ? from.bytes : to.bytes;
            if (from.bytes && to.bytes && (from.bytes != to.bytes || from.is_signed != to.is_signed))
                refuse(name_of(edge.from) + " and " + name_of(edge.to) + " have different types");
            if (given && taken && given != taken)
                refuse(name_of(edge.from) + " gives " + std::to_string(given) + " elements an iteration, " +
                       name_of(edge.to) + " takes " + std::to_string(taken));
            if ((given ? given : taken) * size % 4)
                refuse(name_of(edge.from) + " does not move whole words of 32 bits");
        }
        for (size_t node = 0; node < graph.nodes.size(); ++node)
            for (const bool in : {true, false}) {
                const auto &ports = in ? graph.nodes[node].in : graph.nodes[node].out;
                for (size_t port = 0; port < ports.size(); ++port) {
                    size_t count = 0;
                    for (const Edge &edge : graph.edges) {
                        const End &end = in ? edge.to : edge.from;
                        count += end.node == node && end.port == port;
                    }
                    if (in ? count != 1 : count == 0)
                        refuse(name_of({node, port, in}) + " has " + std::to_string(count) + " connections");
                    if (!in && ports[port].kind == Kind::cascade && count != 1)
                        refuse(name_of({node, port, in}) + " is a cascade with several readers");
                }
            }
        graph.order.clear();
        for (size_t node = 0; node < graph.nodes.size(); ++node)
            if (!before[node])
                graph.order.push_back(node);
        for (size_t index = 0; index < graph.order.size(); ++index)
            for (size_t next : after[graph.order[index]])
                if (!--before[next])
                    graph.order.push_back(next);
        if (graph.order.size() != graph.nodes.size())
            refuse("the graph has a cycle");
    }

    static void step(size_t index)
    {
        using namespace emulation;
        Graph &graph = all();
        Node &node = graph.nodes[index];
        if (node.kind == NodeKind::kernel) {
            std::vector<std::vector<std::deque<std::vector<unsigned char>> *>> readers(node.out.size());
            for (const Edge &edge : graph.edges)
                if (edge.is_cascade && edge.from.node == index)
                    readers[edge.from.port].push_back(&graph.port(edge.to).words);
            node.call(node, readers);
            for (const Port &port : node.in)
                if (!port.words.empty())
                    refuse("kernel " + node.name + " leaves words in its cascade");
        }
        for (const Edge &edge : graph.edges)
            if (!edge.is_cascade && edge.from.node == index && node.kind != NodeKind::plio_in)
                give(edge, take(edge));
        if (node.kind == NodeKind::plio_in) {
            // All readers take the same words.
            size_t taken = 0;
            for (const Edge &edge : graph.edges)
                if (edge.from.node == index) {
                    const std::vector<unsigned char> words = take(edge);
                    taken = words.size() / graph.port(edge.to).bytes;
                    give(edge, words);
                }
            node.next += taken;
        }
    }

    // What leaves a port for a reader.
    static std::vector<unsigned char> take(const emulation::Edge &edge)
    {
        using namespace emulation;
        Node &node = all().nodes[edge.from.node];
        const Port &port = all().port(edge.from);
        std::vector<unsigned char> words;
        if (node.kind == NodeKind::plio_in) {
            const size_t bytes = all().port(edge.to).bytes, count = volume(edge.to);
            if (node.numbers.size() < node.next + count)
                refuse(node.file + " ends within an iteration");
            for (size_t at = node.next; at < node.next + count; ++at)
                for (size_t byte = 0; byte < bytes; ++byte)
                    words.push_back(static_cast<unsigned char>(node.numbers[at] >> (8 * byte)));
            return words;
        }
        const std::vector<unsigned char> &memory = node.kind == NodeKind::memory ? node.data : port.data;
        for (size_t at : port.walk)
            words.insert(words.end(), memory.begin() + at * port.bytes, memory.begin() + (at + 1) * port.bytes);
        return words;
    }

    // What enters a port.
    static void give(const emulation::Edge &edge, const std::vector<unsigned char> &words)
    {
        using namespace emulation;
        Node &node = all().nodes[edge.to.node];
        Port &port = all().port(edge.to);
        if (node.kind == NodeKind::plio_out) {
            const Port &from = all().port(edge.from);
            for (size_t at = 0; at < words.size(); at += from.bytes) {
                uint64_t number = from.is_signed && words[at + from.bytes - 1] & 0x80 ? ~uint64_t(0) : 0;
                for (size_t byte = from.bytes; byte-- > 0;)
                    number = number << 8 | words[at + byte];
                node.numbers.push_back(int64_t(number));
            }
            port.bytes = from.bytes;
            return;
        }
        std::vector<unsigned char> &memory = node.kind == NodeKind::memory ? node.data : port.data;
        size_t next = 0;
        for (size_t at : port.walk)
            for (size_t byte = 0; byte < port.bytes; ++byte)
                memory[at * port.bytes + byte] = words[next++];
    }

    static void read(emulation::Node &node)
    {
        std::ifstream in(node.file);
        if (!in)
            emulation::refuse(node.file + " cannot be read");
        int64_t number;
        while (in >> number)
            node.numbers.push_back(number);
        if (!in.eof())
            emulation::refuse(node.file + " holds something else than integers");
    }

    static void write(const emulation::Node &node)
    {
        const std::filesystem::path file = std::filesystem::path("emulation_output") / node.file;
        std::error_code ignored;
        std::filesystem::create_directories(file.parent_path(), ignored);
        std::ofstream out(file);
        const size_t bytes = node.in[0].bytes, line = bytes ? node.width / 8 / bytes : 1;
        for (size_t at = 0; at < node.numbers.size(); ++at)
            out << node.numbers[at] << ((at + 1) % line && at + 1 < node.numbers.size() ? ' ' : '\n');
        if (!out.flush())
            emulation::refuse(file.string() + " cannot be written");
    }

    template <class List, class Each>
    static void list(std::ostream &out, const List &all, Each each)
    {
        out << '[';
        const char *separator = "";
        for (const auto &one : all) {
            out << separator;
            each(one);
            separator = ",";
        }
        out << ']';
    }

    template <class List>
    static void numbers(std::ostream &out, const List &all)
    {
        list(out, all, [&](auto number) { out << number; });
    }

    static void places(std::ostream &out, const std::vector<emulation::Place> &all)
    {
        list(out, all, [&](const emulation::Place &place) {
            out << '[' << place.column << ',' << place.row << ',' << place.offset << ']';
        });
    }

    static void dump(std::ostream &out)
    {
        using namespace emulation;
        static const char *const kinds[] = {"kernel", "memory", "input", "output"};
        out << "{\"nodes\":";
        list(out, all().nodes, [&](const Node &node) {
            out << "\n{\"kind\":\"" << kinds[int(node.kind)] << "\",\"name\":\"" << node.name
                << "\",\"places\":";
            places(out, node.places);
            out << ",\"stack\":" << node.stack << ",\"stack_places\":";
            places(out, node.stack_places);
            out << ",\"buffers\":" << node.buffers << ",\"width\":" << node.width << ",\"file\":\"" << node.file
                << "\",\"parameters\":";
            list(out, node.parameters, [&](const Parameter &parameter) {
                // FNV-1a of 64 bits.
                uint64_t hash = 0xcbf29ce484222325u;
                for (size_t at = 0; at < parameter.bytes; ++at)
                    hash = (hash ^ static_cast<const unsigned char *>(parameter.data)[at]) * 0x100000001b3u;
                out << "{\"bytes\":" << parameter.bytes << ",\"hash\":" << hash << ",\"places\":";
                places(out, parameter.places);
                out << '}';
            });
            for (const bool in : {true, false}) {
                out << (in ? ",\"in\":" : ",\"out\":");
                list(out, in ? node.in : node.out, [&](const Port &port) {
                    out << "{\"cascade\":" << (port.kind == Kind::cascade ? "true" : "false")
                        << ",\"bytes\":" << port.bytes << ",\"signed\":" << (port.is_signed ? "true" : "false")
                        << ",\"dimensions\":";
                    numbers(out, port.dimensions);
                    out << ",\"places\":";
                    places(out, port.places);
                    out << ",\"access\":";
                    list(out, port.access, [&](const access_pattern &pattern) {
                        out << "{\"buffer\":";
                        numbers(out, pattern.buffer_dimension.empty() ? port.dimensions : pattern.buffer_dimension);
                        out << ",\"tile\":";
                        numbers(out, pattern.tiling_dimension);
                        out << ",\"offset\":";
                        numbers(out, pattern.offset);
                        out << ",\"traversal\":";
                        list(out, pattern.tile_traversal, [&](const traversing_parameters &step) {
                            out << '[' << step.dimension << ',' << step.stride << ',' << step.wrap << ']';
                        });
                        out << '}';
                    });
                    out << '}';
                });
            }
            out << '}';
        });
        out << ",\n\"edges\":";
        list(out, all().edges, [&](const Edge &edge) {
            out << "\n{\"from\":[" << edge.from.node << ',' << edge.from.port << "],\"to\":[" << edge.to.node << ','
                << edge.to.port << "],\"cascade\":" << (edge.is_cascade ? "true" : "false") << '}';
        });
        out << "}\n";
    }
};

} // namespace adf
