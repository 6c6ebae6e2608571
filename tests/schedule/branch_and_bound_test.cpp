#include "dispart/schedule/branch_and_bound.hpp"

#include <doctest/doctest.h>

#include "dispart/schedule/improve.hpp"
#include "dispart/schedule/validate.hpp"
#include "schedule/random_problem.hpp"

using namespace dispart;

namespace {

/// Every order of appending, every device; only what is already too long is cut.
class exhaustive {
  public:
    explicit exhaustive(const schedule_problem& problem) : problem_(problem) {
        placed_.resize(problem.task_count());
        free_.assign(problem.device_count(), 0.0);
    }
    /// The shortest makespan below `known`, or `known` if there is none.
    double shortest(double known) {
        best_ = known;
        descend(0, 0.0);
        return best_;
    }

  private:
    void descend(std::size_t count, double end) {
        if (end >= best_) return;
        if (count == placed_.size()) {
            best_ = end;
            return;
        }
        for (task_id t = 0; t < placed_.size(); ++t) {
            if (placed_[t].device != no_id || !ready(t)) continue;
            for (device_id d = 0; d < free_.size(); ++d) {
                double start = std::max(free_[d], problem_.release(t));
                for (const auto& in : problem_.inputs(t))
                    start = std::max(start, placed_[in.task].finish +
                                                problem_.transfer(placed_[in.task].device, d, in.bytes));
                const double finish = start + problem_.seconds(t, d), before = free_[d];
                if (!(finish < best_)) continue;
                placed_[t] = {d, start, finish};
                free_[d] = finish;
                descend(count + 1, std::max(end, finish));
                free_[d] = before;
                placed_[t] = {};
            }
        }
    }
    bool ready(task_id t) const {
        for (const auto& in : problem_.inputs(t))
            if (placed_[in.task].device == no_id) return false;
        return true;
    }

    const schedule_problem& problem_;
    std::vector<scheduled_task> placed_;
    std::vector<double> free_;
    double best_ = std::numeric_limits<double>::infinity();
};

}  // namespace

TEST_CASE("branch_and_bound: equals exhaustive search on 500 problems; no bound exceeds it, no heuristic "
          "beats it") {
    random_source random(17);
    std::size_t improved_to_it = 0;
    for (int round = 0; round < 500; ++round) {
        auto shape = test::random_shape(random);
        shape.tasks = 1 + random.index(8);
        shape.devices = 1 + random.index(3);
        const auto problem = test::random_problem(random, shape);
        INFO("round " << round);
        const auto found = branch_and_bound(problem);
        REQUIRE(found);
        REQUIRE(found->proven);
        REQUIRE(validate(problem, found->best));
        // the schedule is valid, so it suffices that nothing is shorter
        const double shortest = exhaustive(problem).shortest(found->best.makespan());
        CHECK(found->best.makespan() <= shortest * (1 + 1e-9));
        const auto bounds = schedule_bounds(problem);
        CHECK(bounds.critical_path <= shortest * (1 + 1e-12));
        CHECK(bounds.work <= shortest * (1 + 1e-12));
        CHECK(bounds.interval <= shortest * (1 + 1e-12));
        const auto better = improve(problem, met{}(problem).value(), {.budget = {.iterations = 1000}});
        CHECK(better->best.makespan() >= shortest * (1 - 1e-9));
        if (better->best.makespan() <= shortest * (1 + 1e-9)) ++improved_to_it;
    }
    CHECK(improved_to_it > 450);
}

TEST_CASE("branch_and_bound: a search that is cut off says so; what cannot be done is infeasible") {
    random_source random(2);
    const auto problem = test::random_problem(random, {.tasks = 40});
    const auto cut = branch_and_bound(problem, 100);
    REQUIRE(cut);
    CHECK_FALSE(cut->proven);
    CHECK(validate(problem, cut->best));
    const auto example = branch_and_bound(test::topcuoglu_example()).value();
    CHECK(example.best.makespan() == doctest::Approx(73));
    schedule_tables apart;
    apart.tasks = apart.devices = 2;
    const double no = std::numeric_limits<double>::infinity();
    apart.seconds = {1, no, no, 1};
    apart.dependencies = {{0, 1, 1}};
    apart.latency = {0, no, 0, 0};
    apart.seconds_per_byte = {0, 0, 0, 0};
    CHECK(branch_and_bound(schedule_problem::make(apart).value()).error().code == errc::infeasible);
}
