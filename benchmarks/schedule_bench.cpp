// How long scheduling takes and how it grows: HEFT (targets: 2,000 tasks on 32 devices under 5 ms, 10,000 on 100 under 0.5 s),
// bounds, and moves per second of the improver, on random layered graphs.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "dispart/core/random.hpp"
#include "dispart/schedule/bounds.hpp"
#include "dispart/schedule/heft.hpp"
#include "dispart/schedule/improve.hpp"

namespace {

using namespace dispart;

/// Layers of about sqrt(tasks) tasks, each reading from two or three of the layer before.
schedule_problem layered(std::size_t tasks, std::size_t devices) {
    random_source random(7);
    schedule_tables made;
    made.tasks = tasks;
    made.devices = devices;
    std::vector<double> speed(devices);
    for (double& s : speed) s = random.uniform(1.0, 4.0);
    for (task_id t = 0; t < tasks; ++t) {
        const double cost = random.uniform(5.0, 50.0);
        for (const double s : speed) made.seconds.push_back(cost / s);
    }
    const auto width = static_cast<std::size_t>(std::sqrt(static_cast<double>(tasks)));
    for (task_id t = width; t < tasks; ++t)
        for (std::size_t k = 2 + random.index(2); k > 0; --k)
            made.dependencies.push_back(
                {(t / width - 1) * width + random.index(width), t, random.uniform(0.0, 20.0)});
    made.latency.assign(devices * devices, 0.0);
    for (std::size_t pair = 0; pair < devices * devices; ++pair)
        made.seconds_per_byte.push_back(random.uniform(0.5, 1.5));
    return schedule_problem::make(std::move(made)).value();
}

void heft_grows(benchmark::State& state) {
    const auto problem =
        layered(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
    for (auto _ : state) benchmark::DoNotOptimize(heft{}(problem));
}
BENCHMARK(heft_grows)
    ->Args({500, 32})
    ->Args({1000, 32})
    ->Args({2000, 32})
    ->Args({4000, 32})
    ->Args({8000, 32})
    ->Args({10'000, 100})
    ->Unit(benchmark::kMillisecond);

void bounds_grow(benchmark::State& state) {
    const auto problem =
        layered(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
    for (auto _ : state) benchmark::DoNotOptimize(schedule_bounds(problem));
}
BENCHMARK(bounds_grow)->Args({500, 32})->Args({2000, 32})->Args({10'000, 100})->Unit(benchmark::kMillisecond);

/// \param range tasks on 16 devices; counts iterations per second of processor time
void improve_moves(benchmark::State& state) {
    const auto problem = layered(static_cast<std::size_t>(state.range(0)), 16);
    const auto start = heft{}(problem).value();
    std::size_t done = 0;
    for (auto _ : state) done += improve(problem, start, {.budget = {.iterations = 20'000}})->iterations;
    state.counters["iterations"] = benchmark::Counter(static_cast<double>(done), benchmark::Counter::kIsRate);
}
BENCHMARK(improve_moves)->Arg(100)->Arg(300)->Arg(1000)->Arg(3000)->Unit(benchmark::kMillisecond);

}  // namespace
