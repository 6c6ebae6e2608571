#pragma once
/// \file
/// The default: the best of all list schedules, improved until it is proven best or the budget is gone.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "dispart/core/result.hpp"
#include "dispart/schedule/bounds.hpp"
#include "dispart/schedule/branch_and_bound.hpp"
#include "dispart/schedule/improve.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/registry.hpp"
#include "dispart/schedule/validate.hpp"

namespace dispart {

/// A schedule with its proof.
struct proven_schedule {
    schedule best{};
    double makespan = 0.0;    ///< seconds
    double bound = 0.0;       ///< no schedule is shorter; seconds
    double gap = 0.0;         ///< (makespan - bound) / makespan
    std::string algorithm{};  ///< the list scheduler that it comes from, "+ improve" where that made it shorter
    std::size_t iterations = 0;  ///< of improvement, or nodes of the exact search
    double seconds = 0.0;  ///< by the clock on the wall; of a single algorithm without judging what it made
};

struct portfolio_options {
    improve_budget budget{
        .seconds = 2.0};  ///< seconds: in all, though every list scheduler is asked; iterations: of
                          ///< improvement
    std::uint64_t seed = 1;
    std::size_t trajectories = 1;   ///< of improvement, each on a thread of its own
    std::size_t quick = 2'000'000;  ///< above so many (task, device) pairs only HEFT and min-min are asked
};

/// Anybody's schedule, judged by `validate`, with its bound and gap. Errors: those of `validate`.
[[nodiscard]] inline result<proven_schedule> prove_schedule(const schedule_problem& problem, schedule made,
                                                            std::string_view algorithm) {
    DISPART_CHECK(validate(problem, made));
    const double makespan = made.makespan(), bound = schedule_bounds(problem).best();
    return proven_schedule{std::move(made),        makespan, bound, optimality_gap(makespan, bound),
                           std::string(algorithm), 0,        0.0};
}

namespace detail {

/// Wall-clock seconds from its making on.
class wall_clock {
  public:
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }

  private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace detail

/// The schedule of one list scheduler with its bound; of "branch-and-bound", which proves it where it comes to its end.
/// Errors: not_found (no such scheduler), those of the scheduler, those of `validate`.
[[nodiscard]] inline result<proven_schedule> run_scheduler(const schedule_problem& problem,
                                                           std::string_view name) {
    const detail::wall_clock clock;
    if (name == "branch-and-bound") {
        DISPART_TRY(exact_schedule found, branch_and_bound(problem));
        const double taken = clock.seconds();
        DISPART_TRY(proven_schedule made, prove_schedule(problem, std::move(found.best), name));
        if (found.proven) made.bound = made.makespan, made.gap = 0.0;
        made.iterations = found.nodes;
        made.seconds = taken;
        return made;
    }
    DISPART_TRY(const named_scheduler chosen, find_scheduler(name));
    DISPART_TRY(schedule scheduled, chosen.run(problem));
    const double taken = clock.seconds();
    DISPART_TRY(proven_schedule made, prove_schedule(problem, std::move(scheduled), name));
    made.seconds = taken;
    return made;
}

/// The best list schedule, improved.
///
/// Never longer than any list scheduler's; stops early at the lower bound. Where memory is limited, schedules that break
/// a limit are left out, and improvement is kept only if it keeps the limits.
/// Errors: those of the last list scheduler if all fail. Heuristic; `gap` certifies what is left.
[[nodiscard]] inline result<proven_schedule> schedule_portfolio(const schedule_problem& problem,
                                                                const portfolio_options& options = {}) {
    const detail::wall_clock clock;
    const bool quick = problem.task_count() * problem.device_count() > options.quick;
    result<proven_schedule> best = fail(errc::infeasible, "schedule", "no scheduler found a schedule");
    for (const named_scheduler& each : list_schedulers()) {
        if (quick && each.name != "heft" && each.name != "min-min") continue;
        auto made = each.run(problem);
        const auto valid = made ? validate(problem, *made) : result<void>(tl::unexpected(made.error()));
        if (!valid && !best) best = tl::unexpected(valid.error());
        if (!valid || (best && best->makespan <= made->makespan())) continue;
        best = proven_schedule{std::move(*made), 0.0, 0.0, 0.0, std::string(each.name), 0, 0.0};
        best->makespan = best->best.makespan();
    }
    if (!best) return best;
    best->bound = schedule_bounds(problem).best();
    improve_budget left = options.budget;
    left.seconds -= clock.seconds();
    if (left.iterations > 0 && left.seconds > 0.0) {
        DISPART_TRY(improvement found, improve(problem, best->best,
                                               {.budget = left,
                                                .bound = best->bound,
                                                .seed = options.seed,
                                                .trajectories = options.trajectories}));
        best->iterations = found.iterations;
        if (found.best.makespan() < best->makespan && validate(problem, found.best)) {
            best->best = std::move(found.best);
            best->makespan = best->best.makespan();
            best->algorithm += " + improve";
        }
    }
    best->gap = optimality_gap(best->makespan, best->bound);
    best->seconds = clock.seconds();
    return best;
}

}  // namespace dispart
