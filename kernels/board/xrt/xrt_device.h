// The part of XRT's C++ API that the host program uses, over an emulated board: data
// movers that are compiled for this machine, and the graph in the emulation of ADF.
//
// What is meant by each call is as XRT documents it. What is loaded as an xclbin is the
// system.cfg that it is linked by: it says which data movers there are, and which
// of their streams is which of the graph's.
//
//   * memory of the board and of the host are two: only sync() copies;
//   * starting anything does nothing yet; what is started goes on when the host waits for
//     it, as far as there is data, and whoever waits in vain is told;
//   * names, widths and numbers of arguments that do not exist are refused.

#pragma once

#include "../hls_stream.h"
#include "../ap_axi_sdata.h"

#include <adf.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>

enum xclBOSyncDirection { XCL_BO_SYNC_BO_TO_DEVICE, XCL_BO_SYNC_BO_FROM_DEVICE };
enum ert_cmd_state { ERT_CMD_STATE_NEW = 1, ERT_CMD_STATE_COMPLETED = 4, ERT_CMD_STATE_TIMEOUT = 10 };

namespace xrt {

namespace emulation {

/// Bytes that pass by a stream of programmable logic, whoever is at its ends.
struct Wire {
    std::deque<unsigned char> bytes;
    /// Of a beat.
    int width = 0;
};

/// Memory of the host and of the board.
struct Memory {
    std::vector<unsigned char> host, board;
};

/// A function of the programmable logic.
struct Mover {
    std::string name;
    int width;
    bool sends;
    std::function<void(Memory &, Wire &, int beats, int passes)> call;
};

template <int width>
Mover mover(const char *name,
            void (*function)(const ap_uint<width> *, hls::stream<ap_axiu<width, 0, 0, 0>> &, int, int))
{
    return {name, width, true, [function](Memory &memory, Wire &wire, int beats, int passes) {
                std::vector<ap_uint<width>> words(memory.board.size() / (width / 8));
                static_assert(sizeof(ap_uint<width>) == width / 8);
                std::memcpy(static_cast<void *>(words.data()), memory.board.data(), words.size() * (width / 8));
                hls::stream<ap_axiu<width, 0, 0, 0>> stream;
                function(words.data(), stream, beats, passes);
                for (const auto &beat : stream.beats) {
                    if (!(beat.keep == ap_uint<width / 8>(-1)))
                        throw std::runtime_error("a beat is sent of which some bytes are not kept");
                    const auto *bytes = reinterpret_cast<const unsigned char *>(&beat.data);
                    wire.bytes.insert(wire.bytes.end(), bytes, bytes + width / 8);
                }
            }};
}

template <int width>
Mover mover(const char *name, void (*function)(ap_uint<width> *, hls::stream<ap_axiu<width, 0, 0, 0>> &, int, int))
{
    return {name, width, false, [function](Memory &memory, Wire &wire, int beats, int passes) {
                hls::stream<ap_axiu<width, 0, 0, 0>> stream;
                for (size_t beat = 0; beat < size_t(beats) * passes; ++beat) {
                    ap_axiu<width, 0, 0, 0> next;
                    for (int byte = 0; byte < width / 8; ++byte) {
                        reinterpret_cast<unsigned char *>(&next.data)[byte] = wire.bytes.front();
                        wire.bytes.pop_front();
                    }
                    stream.write(next);
                }
                std::vector<ap_uint<width>> words(memory.board.size() / (width / 8));
                const size_t bytes = words.size() * (width / 8);
                std::memcpy(static_cast<void *>(words.data()), memory.board.data(), bytes);
                function(words.data(), stream, beats, passes);
                std::memcpy(memory.board.data(), static_cast<void *>(words.data()), bytes);
                if (!stream.beats.empty())
                    throw std::runtime_error("a data mover leaves beats in its stream");
            }};
}

/// What was started and is not done.
struct Started {
    const Mover *mover;
    std::shared_ptr<Memory> memory;
    Wire *wire;
    int beats, passes;
    bool done = false;
};

/// The one board there is.
struct Board {
    adf::graph *graph = nullptr;
    std::string graph_name;
    std::vector<Mover> movers;
    /// Of each instance of a mover, its function and the stream that it is connected to.
    std::map<std::string, const Mover *> units;
    std::map<std::string, std::string> streams;
    std::map<std::string, Wire> wires;
    std::vector<std::shared_ptr<Started>> started;
    uint64_t iterations = 0;
    bool loaded = false;

    [[noreturn]] static void refuse(const std::string &message) { throw std::runtime_error(message); }

    void load(const std::string &file)
    {
        std::ifstream in(file);
        if (!in)
            refuse(file + " cannot be read");
        std::string line;
        while (std::getline(in, line)) {
            const size_t equals = line.find('=');
            const std::string key = line.substr(0, equals);
            const std::vector<std::string> parts =
                split(equals == std::string::npos ? "" : line.substr(equals + 1), ':');
            if (key == "nk" && parts.size() == 3) {
                const std::vector<std::string> names = split(parts[2], '.');
                if (std::to_string(names.size()) != parts[1])
                    refuse(line + ": is another number of names");
                for (const std::string &name : names)
                    units[name] = find(parts[0]);
            } else if (key == "stream_connect" && parts.size() == 2) {
                connect(line, split(parts[0], '.'), split(parts[1], '.'));
            }
        }
        graph->load();
        loaded = true;
    }

    const Mover *find(const std::string &name) const
    {
        for (const Mover &mover : movers)
            if (mover.name == name)
                return &mover;
        refuse("there is no kernel '" + name + "'");
    }

    // Both ends of a connection, of which one is the graph's.
    void connect(const std::string &line, const std::vector<std::string> &from, const std::vector<std::string> &to)
    {
        if (from.size() != 2 || to.size() != 2)
            refuse(line + ": an end is not UNIT.STREAM");
        const bool sends = to[0] == "ai_engine_0";
        const std::vector<std::string> &unit = sends ? from : to, &plio = sends ? to : from;
        if (plio[0] != "ai_engine_0" || unit[1] != "stream" || !units.count(unit[0]))
            refuse(line + ": an end does not exist");
        if (units[unit[0]]->sends != sends)
            refuse(line + ": the data mover is one of the other direction");
        const adf::emulation::Node *node = nullptr;
        for (const adf::emulation::Node &one : adf::emulation::graph().nodes)
            if (one.name == plio[1] && one.kind == (sends ? adf::emulation::NodeKind::plio_in
                                                          : adf::emulation::NodeKind::plio_out))
                node = &one;
        if (!node)
            refuse(line + ": the graph has no stream '" + plio[1] + "' of that direction");
        if (node->width != units[unit[0]]->width)
            refuse(line + ": the stream has " + std::to_string(node->width) + " bits");
        if (wires.count(plio[1]) || streams.count(unit[0]))
            refuse(line + ": an end is connected twice");
        wires[plio[1]].width = node->width;
        streams[unit[0]] = plio[1];
    }

    static std::vector<std::string> split(const std::string &text, char separator)
    {
        std::vector<std::string> all;
        std::istringstream in(text);
        for (std::string part; std::getline(in, part, separator);)
            all.push_back(part);
        return all;
    }

    /// Everything that was started, as far as there is data for it.
    void go_on()
    {
        for (const auto &run : started)
            if (!run->done && run->mover->sends)
                run_now(*run);
        feed();
        while (iterations > 0 && graph->is_fed()) {
            graph->iterate();
            --iterations;
            drain();
        }
        for (const auto &run : started) {
            const size_t bytes = size_t(run->beats) * run->passes * (run->mover->width / 8);
            if (!run->done && !run->mover->sends && run->wire->bytes.size() >= bytes)
                run_now(*run);
        }
    }

    static void run_now(Started &run)
    {
        if (size_t(run.beats) * (run.mover->width / 8) > run.memory->board.size())
            refuse("a data mover leaves its buffer");
        run.mover->call(*run.memory, *run.wire, run.beats, run.passes);
        run.done = true;
    }

    // What came by the wires, as numbers of the graph's streams.
    void feed()
    {
        auto &all = adf::emulation::graph();
        for (adf::emulation::Node &node : all.nodes) {
            if (node.kind != adf::emulation::NodeKind::plio_in)
                continue;
            const size_t size = graph->element_bytes(node);
            std::deque<unsigned char> &bytes = wires[node.name].bytes;
            while (bytes.size() >= size) {
                uint64_t number = 0;
                for (size_t byte = 0; byte < size; ++byte)
                    number |= uint64_t(bytes[byte]) << (8 * byte);
                bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
                node.numbers.push_back(int64_t(number));
            }
        }
    }

    // What the graph wrote, into the wires.
    void drain()
    {
        for (adf::emulation::Node &node : adf::emulation::graph().nodes) {
            if (node.kind != adf::emulation::NodeKind::plio_out)
                continue;
            const size_t size = graph->element_bytes(node);
            for (int64_t number : node.numbers)
                for (size_t byte = 0; byte < size; ++byte)
                    wires[node.name].bytes.push_back(static_cast<unsigned char>(number >> (8 * byte)));
            node.numbers.clear();
        }
    }
};

inline Board &board()
{
    static Board only;
    return only;
}

/// Puts a graph and data movers on the board.
inline bool build(const char *name, adf::graph &graph, std::vector<Mover> movers)
{
    board().graph_name = name;
    board().graph = &graph;
    board().movers = std::move(movers);
    return true;
}

} // namespace emulation

struct uuid {};

class device {
public:
    explicit device(unsigned index)
    {
        if (index)
            emulation::Board::refuse("there is no device " + std::to_string(index));
    }
    uuid load_xclbin(const std::string &file)
    {
        emulation::board().load(file);
        return {};
    }
};

class bo {
public:
    bo(const device &, size_t bytes, int group) : memory(std::make_shared<emulation::Memory>())
    {
        if (group || !bytes)
            emulation::Board::refuse("a buffer is of no bytes, or of another bank");
        memory->host.assign(bytes, adf::emulation::unwritten);
        memory->board.assign(bytes, adf::emulation::unwritten);
    }
    template <class Pointer>
    Pointer map()
    {
        return reinterpret_cast<Pointer>(memory->host.data());
    }
    void sync(xclBOSyncDirection direction)
    {
        if (direction == XCL_BO_SYNC_BO_TO_DEVICE)
            memory->board = memory->host;
        else
            memory->host = memory->board;
    }

    std::shared_ptr<emulation::Memory> memory;
};

class run {
public:
    explicit run(std::shared_ptr<emulation::Started> started) : started(std::move(started)) {}
    ert_cmd_state wait(const std::chrono::milliseconds & = {}) const
    {
        emulation::board().go_on();
        return started->done ? ERT_CMD_STATE_COMPLETED : ERT_CMD_STATE_TIMEOUT;
    }

private:
    std::shared_ptr<emulation::Started> started;
};

class kernel {
public:
    kernel(const device &, const uuid &, const std::string &name)
    {
        const size_t open = name.find(":{");
        const std::string function = name.substr(0, open);
        if (open == std::string::npos || name.back() != '}')
            emulation::Board::refuse("'" + name + "' names no instance of a kernel");
        unit = name.substr(open + 2, name.size() - open - 3);
        auto &units = emulation::board().units;
        if (!emulation::board().loaded || !units.count(unit) || units[unit]->name != function)
            emulation::Board::refuse("there is no instance '" + name + "'");
    }
    int group_id(int argument) const
    {
        if (argument)
            emulation::Board::refuse("only the first argument is a buffer");
        return 0;
    }
    run operator()(const bo &buffer, std::nullptr_t, int beats, int passes)
    {
        emulation::Board &board = emulation::board();
        if (!board.streams.count(unit))
            emulation::Board::refuse("'" + unit + "' is connected to nothing");
        auto started = std::make_shared<emulation::Started>(emulation::Started{
            board.units[unit], buffer.memory, &board.wires[board.streams[unit]], beats, passes});
        board.started.push_back(started);
        return run(started);
    }

private:
    std::string unit;
};

class graph {
public:
    graph(const device &, const uuid &, const std::string &name)
    {
        if (!emulation::board().loaded || name != emulation::board().graph_name)
            emulation::Board::refuse("there is no graph '" + name + "'");
    }
    void reset() {}
    void run(uint32_t iterations) { emulation::board().iterations += iterations; }
    void wait(std::chrono::milliseconds = {})
    {
        emulation::board().go_on();
        if (emulation::board().iterations)
            emulation::Board::refuse("the graph waits for data that nobody sends");
    }
    void end(uint64_t = 0) { wait(); }
};

} // namespace xrt
