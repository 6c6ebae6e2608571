// How fast the simulator is: CPU seconds for 100,000 activities of 1,000 hosts at a shared backbone, beside SimGrid's
// (CM02, dependencies instead of actors, its default lazy updates) for the same workload in the same run; and for a
// city of 10,000 hosts and 1,000,000 activities. Completion times are compared where both play.
#include <benchmark/benchmark.h>

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/simulate/play.hpp"
#ifdef DISPART_WITH_SIMGRID
#include "simgrid/simgrid_play.hpp"
#endif

namespace {

using namespace dispart;

constexpr std::size_t hosts = 1000;
constexpr double latency = 1e-4;

/// How the activities are arranged.
enum shape : std::int64_t {
    one_each,     ///< every host sends one message after the other: 1,000 flows at a time
    alternating,  ///< every host computes and sends in turn
    ten_each,     ///< every host sends ten messages at a time: 10,000 flows at a time
    at_once,      ///< everything begins at the same time
};

struct scene {
    platform machines;
    std::vector<double> link_latency;
    workload work;
};

/// \param unequal hosts' own links differ and some of them, not the backbone, hold their flows up
scene backbone(std::size_t activities, shape arranged, bool unequal) {
    random_source random(7);
    std::vector<tree_node> nodes{{.inside = unequal ? 1.25e10 : 1.25e9}};
    std::vector<std::size_t> places;
    for (device_id d = 0; d < hosts; ++d) {
        places.push_back(nodes.size());
        const double own = unequal ? random.uniform(1e6, 1e8) : 1.25e8;
        nodes.push_back({.parent = 0, .up = own, .down = own, .latency = latency});
    }
    scene made{tree_platform(nodes, places), std::vector<double>(3 * nodes.size(), 0.0), {}};
    for (std::size_t n = 1; n < nodes.size(); ++n)
        made.link_latency[3 * n] = made.link_latency[3 * n + 1] = latency;
    const std::size_t side_by_side = arranged == at_once    ? activities
                                     : arranged == ten_each ? 10 * hosts
                                                            : hosts;
    std::vector<std::uint32_t> last;
    for (std::size_t i = 0; i < activities; ++i) {
        const device_id from = i % hosts;
        const device_id to = (from + 1 + random.index(hosts - 1)) % hosts;
        const bool computes = arranged == alternating && (i / hosts) % 2 == 0;
        last.push_back(
            computes
                ? made.work.add({.device = from, .amount = random.uniform(0.1, 1.0)})
                : made.work.add({.device = from, .peer = to, .amount = std::floor(random.uniform(1e5, 2e6))}));
        if (i >= side_by_side) made.work.order.emplace_back(last[i - side_by_side], last[i]);
    }
    return made;
}

double cpu_now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// SimGrid is stopped after so much processor time, one minute unless DISPART_SIMGRID_SECONDS says otherwise.
[[maybe_unused]] double simgrid_seconds() {
    const char* asked = std::getenv("DISPART_SIMGRID_SECONDS");
    return asked == nullptr ? 60.0 : std::atof(asked);
}

/// Ours and SimGrid's CPU seconds for the same workload; counters: `ratio` (at least, where SimGrid was `stopped`), and
/// `differs`, the largest relative difference of two completion times.
void beside_simgrid(benchmark::State& state) {
    const auto played =
        backbone(static_cast<std::size_t>(state.range(0)), shape{state.range(1)}, state.range(2) != 0);
    for (auto _ : state) {
        const double began = cpu_now();
        const auto ours = play(played.machines, played.work);
        const double seconds = cpu_now() - began;
        state.SetIterationTime(seconds);
        state.counters["dispart_s"] = seconds;
#ifdef DISPART_WITH_SIMGRID
        const auto theirs =
            test::simgrid_play(played.machines, played.link_latency, played.work, simgrid_seconds());
        double differs = theirs.end.empty() && !theirs.stopped ? 1.0 : 0.0;
        for (std::size_t i = 0; i < theirs.end.size(); ++i)
            differs = std::max(differs, std::abs(ours->end[i] - theirs.end[i]) / theirs.end[i]);
        state.counters["simgrid_s"] = theirs.cpu_seconds;
        state.counters["stopped"] = theirs.stopped ? 1.0 : 0.0;
        state.counters["ratio"] = theirs.cpu_seconds / seconds;
        state.counters["differs"] = differs;
#endif
    }
}
BENCHMARK(beside_simgrid)
    ->ArgNames({"activities", "shape", "unequal"})
    ->ArgsProduct({{10'000}, {one_each, alternating, at_once}, {0, 1}})
    ->Args({20'000, ten_each, 0})
    ->Args({100'000, one_each, 0})  // SimGrid takes more than seven minutes
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

/// Requests of five stages over random hosts of a tree of 20 districts with 25 cabinets each.
void city(benchmark::State& state) {
    const auto devices = static_cast<std::size_t>(state.range(0));
    const auto activities = static_cast<std::size_t>(state.range(1));
    random_source random(3);
    std::vector<tree_node> nodes{{.inside = 1e11}};
    std::vector<std::size_t> cabinets, places;
    for (int district = 0; district < 20; ++district) {
        const std::size_t up = nodes.size();
        nodes.push_back({.parent = 0, .up = 5e9, .down = 5e9, .latency = 1e-3, .inside = 1e11});
        for (int c = 0; c < 25; ++c) {
            cabinets.push_back(nodes.size());
            nodes.push_back({.parent = up, .up = 1.25e9, .down = 1.25e9, .latency = 2e-4});
        }
    }
    for (device_id d = 0; d < devices; ++d) {
        const double own = random.uniform(1e6, 1.25e8);
        places.push_back(nodes.size());
        nodes.push_back({.parent = cabinets[d % cabinets.size()], .up = own, .down = own, .latency = 1e-4});
    }
    const auto machines = tree_platform(nodes, places);
    workload work;
    for (request_id r = 0; work.items.size() < activities; ++r) {
        device_id at = random.index(devices);
        const double earliest = random.uniform(0.0, 600.0);
        std::uint32_t last = 0;
        for (int stage = 0; stage < 5; ++stage) {
            const auto computing = work.add({.device = at,
                                             .amount = random.uniform(0.005, 0.1),
                                             .memory = 1e6,
                                             .earliest = stage == 0 ? earliest : 0.0,
                                             .request = r});
            if (stage > 0) work.order.emplace_back(last, computing);
            if (stage == 4) break;
            const device_id to = random.chance(0.5) ? (at + cabinets.size()) % devices : random.index(devices);
            last = work.add({.device = at, .peer = to, .amount = random.uniform(1e5, 2e7), .request = r});
            work.order.emplace_back(computing, last);
            at = to;
        }
    }
    for (auto _ : state) {
        const double began = cpu_now();
        const auto played = play(machines, work);
        state.SetIterationTime(cpu_now() - began);
        state.counters["makespan"] = played->makespan;
    }
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    state.counters["peak_MB"] = static_cast<double>(used.ru_maxrss) / 1e3;
}
BENCHMARK(city)->Args({10'000, 1'000'000})->UseManualTime()->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
