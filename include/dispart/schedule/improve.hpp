#pragma once
/// \file
/// Improvement of any schedule by moving tasks that lie on long ways, until a bound or the budget is reached.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <future>
#include <limits>
#include <utility>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/core/result.hpp"
#include "dispart/schedule/detail/machine_graph.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"
#include "dispart/schedule/validate.hpp"

namespace dispart {

/// When a search stops. A budget in iterations gives the same result every time; one in seconds does as many as it can.
struct improve_budget {
    double seconds = std::numeric_limits<double>::infinity();  ///< by the clock on the wall
    std::size_t iterations = std::numeric_limits<std::size_t>::max();
};

/// What a search did.
struct improvement {
    schedule best{};
    std::size_t iterations = 0;  ///< of all trajectories
};

struct improve_options {
    improve_budget budget{.seconds = 1.0};
    double bound = 0.0;  ///< a makespan that cannot be beaten: the search stops there
    std::uint64_t seed = 1;
    double hot = 0.1;     ///< first temperature, in units of makespan * devices / tasks
    double cold = 0.005;  ///< last temperature, in the same units
    double guided = 0.8;  ///< share of moves that take a task from a long way rather than any task
    /// Searches side by side, each on a thread of its own with the whole budget, which begin at different temperatures
    std::size_t trajectories = 1;
};

namespace detail {

/// Tells how much of a budget is gone. Asking is cheap enough for every 16th iteration.
class stopwatch {
  public:
    explicit stopwatch(const improve_budget& budget) : budget_(budget) {}

    [[nodiscard]] double share(std::size_t iterations) const {
        const double counted = budget_.iterations == std::numeric_limits<std::size_t>::max()
                                   ? 0.0
                                   : static_cast<double>(iterations) / static_cast<double>(budget_.iterations);
        if (!std::isfinite(budget_.seconds)) return counted;
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
        return std::max(counted, passed.count() / budget_.seconds);
    }

  private:
    improve_budget budget_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// Quantiles of random distributions, so that a draw is one look-up.
struct noise_table {
    static constexpr std::size_t size = 4096;
    static constexpr double widest = 9.02;  ///< no Gumbel draw is below -widest

    std::vector<float> exponential = std::vector<float>(size);  ///< of mean 1
    std::vector<float> gumbel = std::vector<float>(size);  ///< of least values: the logarithm of the other

    noise_table() {
        for (std::size_t i = 0; i < size; ++i) {
            const double e = -std::log((static_cast<double>(i) + 0.5) / static_cast<double>(size));
            exponential[i] = static_cast<float>(e);
            gumbel[i] = static_cast<float>(std::log(e));
        }
    }
};

/// Annealing by exact conditional draws: a task is taken out and put back at a place drawn by how long the longest way
/// would be.
class schedule_annealer {
  public:
    /// \param first the least trajectory that has come to the bound, shared by all
    schedule_annealer(const schedule_problem& problem, machine_graph graph, const improve_options& options,
                      std::size_t trajectory, std::atomic<std::size_t>& first)
        : problem_(problem)
        , options_(options)
        , trajectory_(trajectory)
        , first_(first)
        , graph_(std::move(graph))
        , makespan_(graph_.makespan())
        , best_(graph_.to_schedule())
        , best_makespan_(makespan_)
        , state_(mix64(options.seed + trajectory) | 1U) {
        const auto devices = static_cast<double>(problem.device_count());
        scale_ = makespan_ * devices / static_cast<double>(problem.task_count());
        const schedule_memory& memory = problem.tables().memory;
        if (memory.resident.empty() || memory.capacity.empty()) return;
        room_ = memory.capacity;
        for (task_id t = 0; t < problem.task_count(); ++t) room_[graph_.device(t)] -= memory.resident[t];
    }

    improvement run() {
        const stopwatch watch(options_.budget);
        const double target = options_.bound * (1.0 + 1e-9);
        std::size_t done = 0, cycles = 0;
        for (double share = watch.share(0); share < 1.0 && best_makespan_ > target; ++done) {
            if (done % 16 == 0) share = first_.load() < trajectory_ ? 1.0 : watch.share(done);
            if (cycles == 0 && done == trial_iterations)
                cycles = cycles_for(static_cast<double>(done) / share);
            cool(share * static_cast<double>(std::max<std::size_t>(cycles, 1)));
            step();
        }
        if (best_makespan_ <= target) come_to_bound();
        return {std::move(best_), done};
    }

  private:
    static constexpr std::size_t trial_iterations = 512;

    /// Those after this one may stop; those before it may not, so that the result does not depend on who is faster.
    void come_to_bound() noexcept {
        std::size_t least = first_.load();
        while (trajectory_ < least && !first_.compare_exchange_weak(least, trajectory_)) {
        }
    }

    /// Coolings begin at the hot temperature, twice and half that: what suits depends on how far transfers bind tasks. The
    /// second trajectory begins with the half.
    void cool(double phase) {
        constexpr std::array heat{1.0, 2.0, 0.5};
        const std::size_t turn = static_cast<std::size_t>(phase) + 2 * trajectory_;
        const double hot = options_.hot * heat[turn % heat.size()];
        temperature_ = scale_ * hot * std::pow(options_.cold / hot, phase - std::floor(phase));
    }

    /// One slow cooling, or several where the budget allows each enough.
    [[nodiscard]] std::size_t cycles_for(double iterations) const {
        const double each = 8000.0 * static_cast<double>(problem_.task_count());
        return static_cast<std::size_t>(std::clamp(iterations / each, 1.0, 8.0));
    }

    void step() {
        const task_id t = draw_task();
        const insertion was = graph_.detach(t);
        const double others = graph_.makespan();
        const insertion place = draw_place(t, was, others);
        if (place.device == no_id || is_same(place, was)) return graph_.restore(was);
        graph_.attach(place);
        if (!room_.empty()) {
            room_[was.device] += resident(t);
            room_[place.device] -= resident(t);
        }
        makespan_ = std::max(others, place.through);
        if (makespan_ < best_makespan_ * (1.0 - 1e-12)) {
            best_makespan_ = makespan_;
            best_ = graph_.to_schedule();
        }
    }

    /// Any task, or one that the temperature lets count as critical.
    [[nodiscard]] task_id draw_task() {
        task_id t = draw_index();
        if (uniform() >= options_.guided) return t;
        for (int tries = 0; tries < 64; ++tries, t = draw_index())
            if (3.0 * temperature_ * draw(noise_.exponential) >= makespan_ - graph_.through(t)) break;
        return t;
    }

    /// Draws a feasible place with probability exp(-makespan / temperature), by adding Gumbel noise and taking the least.
    [[nodiscard]] insertion draw_place(task_id t, const insertion& was, double others) {
        insertion drawn;
        double least = std::numeric_limits<double>::infinity();
        const double widest = noise_table::widest * temperature_;
        const auto consider = [&](const insertion& place) {
            const double length = std::max(place.through, others);
            if (length - widest > least || !has_room(t, place.device, was.device)) return;
            const double value = length + temperature_ * draw(noise_.gumbel);
            if (value < least && (is_same(place, was) || graph_.feasible(place)))
                least = value, drawn = place;
        };
        graph_.visit_places([&] { return least + widest; }, consider);
        return drawn;
    }
    [[nodiscard]] double resident(task_id t) const noexcept { return problem_.tables().memory.resident[t]; }
    [[nodiscard]] bool has_room(task_id t, device_id d, device_id was) const noexcept {
        return room_.empty() || d == was || resident(t) <= room_[d];
    }
    [[nodiscard]] static bool is_same(const insertion& a, const insertion& b) noexcept {
        return a.device == b.device && a.index == b.index;
    }

    [[nodiscard]] double draw(const std::vector<float>& quantiles) noexcept {
        return static_cast<double>(quantiles[static_cast<std::size_t>(next_random() >> 52U)]);
    }
    /// By xorshift64 (Marsaglia, "Xorshift RNGs", J. Statistical Software 8(14), 2003).
    [[nodiscard]] std::uint64_t next_random() noexcept {
        state_ ^= state_ << 13U;
        state_ ^= state_ >> 7U;
        state_ ^= state_ << 17U;
        return state_;
    }
    /// In (0, 1).
    [[nodiscard]] double uniform() noexcept {
        return (static_cast<double>(next_random() >> 11U) + 0.5) * 0x1p-53;
    }
    [[nodiscard]] task_id draw_index() noexcept {
        return static_cast<task_id>(uniform() * static_cast<double>(problem_.task_count()));
    }

    const schedule_problem& problem_;
    const improve_options& options_;
    std::size_t trajectory_;
    std::atomic<std::size_t>& first_;
    machine_graph graph_;
    double makespan_;
    schedule best_;
    double best_makespan_;
    double scale_ = 0.0;
    double temperature_ = 0.0;
    std::vector<double> room_{};  // [device] bytes left for resident ones; empty: no limits
    std::uint64_t state_;
    noise_table noise_{};
};

}  // namespace detail

/// Improves a schedule; the result is never longer. No device gets more resident bytes than it has room for; other memory is
/// not looked at.
///
/// Iterated greedy moves under annealing: a task, preferably of a way that is nearly critical, is taken out; where it may
/// go back is priced exactly on every device; the place is drawn by that price. Heads and tails of all tasks follow each
/// move incrementally. The best of all trajectories is returned, the first of equals. Errors: those of `validate` (memory
/// excepted); invalid_argument (options). Heuristic. An iteration costs O(tasks changed + devices * (neighbours + log)).
/// Sources: Mastrolilli, Gambardella, "Effective neighbourhood functions for the flexible job shop problem", J. Scheduling
/// 3(1), 2000 (moves and their prices); Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", Science 220, 1983.
[[nodiscard]] inline result<improvement> improve(const schedule_problem& problem, const schedule& from,
                                                 const improve_options& options = {}) {
    DISPART_CHECK(validate_timing(problem, from));
    if (!(options.hot > 0.0) || !(options.cold > 0.0) || !(options.guided >= 0.0) ||
        !(options.budget.seconds >= 0.0) || options.trajectories == 0)
        return fail(errc::invalid_argument, "improve",
                    "temperatures and trajectories must be positive, budgets not negative");
    const detail::machine_graph graph(problem, from);
    if (!graph.consistent())
        return fail(errc::invalid_argument, "schedule",
                    "tasks that overlap within rounding wait for one another");
    std::atomic<std::size_t> first = options.trajectories;
    const auto search = [&](std::size_t trajectory) {
        return detail::schedule_annealer(problem, graph, options, trajectory, first).run();
    };
    std::vector<std::future<improvement>> others;
    for (std::size_t t = 1; t < options.trajectories; ++t)
        others.push_back(std::async(std::launch::async | std::launch::deferred, search, t));
    improvement found = search(0);
    for (std::size_t t = 1; t < options.trajectories; ++t) {
        improvement another = others[t - 1].get();
        found.iterations += another.iterations;
        const bool shorter = another.best.makespan() < found.best.makespan();
        if (first.load() < options.trajectories ? t == first.load() : shorter)
            found.best = std::move(another.best);
    }
    if (found.best.makespan() > from.makespan()) found.best = from;
    return found;
}

}  // namespace dispart
