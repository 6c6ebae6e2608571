#pragma once
/// \file
/// Exact division into contiguous segments on an ordered list of unequal devices.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/partition/baselines.hpp"
#include "dispart/partition/concepts.hpp"
#include "dispart/partition/detail/chain_search.hpp"
#include "dispart/partition/detail/chain_tables.hpp"
#include "dispart/partition/detail/chain_tails.hpp"
#include "dispart/partition/detail/diagnosis.hpp"
#include "dispart/partition/detail/line.hpp"
#include "dispart/partition/detail/line_search.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"
#include "dispart/task/expand.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

/// What the chain algorithm found for one order of devices.
struct chain_solution {
    partition division;
    double value = 0.0;  ///< of the objective, by `evaluate`
    double bound = 0.0;  ///< no contiguous partition on this order is better
    bool exact = false;  ///< value and bound agree (to 1e-8)
};

struct chain_options {
    std::size_t max_states =
        1'000'000;  ///< per search; beyond, states are dropped and the answer is not exact
    std::size_t max_steps = 20'000'000;  ///< segments priced and states compared per search; beyond, the same
};

/// Solves one instance for any number of device orders; what does not depend on the order is computed once.
///
/// Latency: exact. Throughput: exact where no two of the device pairs that the partition uses share a physical link;
/// elsewhere each pair is priced alone, which gives a bound, and `evaluate` says what the partition found achieves.
/// Where no tensor skips a layer the instance is a line, and a dynamic program over devices and cuts answers; elsewhere a
/// search over states that remember who holds the tensors that skip.
class chain_solver {
  public:
    /// The instance must be valid and outlive the solver. O(layers * (device classes + live tensors)).
    /// Errors: limit_exceeded (an instance so large that its tables would hold over 50 million entries).
    static result<chain_solver> make(const instance& problem, const chain_options& options = {}) {
        if (problem.layer_count() == 0)
            return fail(errc::invalid_argument, "instance", "there are no layers");
        DISPART_CHECK(check_size(problem));
        chain_solver solver(problem, options);
        if (solver.is_line() || solver.tables().most_live() < detail::chain_state::anybody) return solver;
        return fail(errc::limit_exceeded, "instance", "too many tensors are alive at once");
    }

    /// The best contiguous partition on an increasing subsequence of `order`.
    ///
    /// Errors: invalid_argument (no devices, an unknown one, one twice), infeasible (none exists, or none was found
    /// where the number of states was limited; names the layer or the kind of limit at fault).
    /// Typically O(layers * devices * (devices + longest segment)) states per decision and some 20 decisions for
    /// throughput; exponential in the number of tensors that skip segments at the worst, up to `max_states`.
    [[nodiscard]] result<chain_solution> solve(const std::vector<device_id>& order, objective goal) {
        DISPART_CHECK(check_order(order));
        if (auto found = find(order, goal)) return std::move(*found);
        if (order.size() > most(order)) return thinned_out(order, goal);
        return tl::unexpected<error>(detail::diagnose(problem(), [&](const instance& relaxed) {
            auto other = make(relaxed, options_);
            return other && other->find(order, goal).has_value();
        }));
    }

    /// A partition on this order that is better than `below` by more than a millionth, made as good as it gets, up to a
    /// relative tolerance; or nothing. Quick where there is none, so that many orders can be tried. Where tensors skip
    /// segments and the tolerance is a millionth or more it may overlook partitions for throughput.
    [[nodiscard]] std::optional<chain_solution> improve(const std::vector<device_id>& order, objective goal,
                                                        double below, double tolerance = 1e-9) {
        if (!check_order(order)) return std::nullopt;
        const double limit = below * (1.0 - 1e-6);
        if (is_line()) return improve_line(order, goal, limit);
        if (goal == objective::latency) return optimise(order, goal, candidate{{}, limit, limit});
        const auto first = problem().load == load_model::serial
                               ? glimpse<detail::chain_goal::serial>(order, limit, tolerance < 1e-6)
                               : glimpse<detail::chain_goal::overlapped>(order, limit, tolerance < 1e-6);
        if (!first) return std::nullopt;
        return optimise(order, goal, first, tolerance);
    }

    /// The same among divisions in which no tensor skips a part, on an increasing subsequence of the order, made as good
    /// as they get; quick. Its bound is of these divisions.
    [[nodiscard]] std::optional<chain_solution> improve_unskipped(const std::vector<device_id>& order,
                                                                  objective goal, double below) {
        if (!line_ || !check_order(order)) return std::nullopt;
        return improve_line(order, goal, std::min(below * (1.0 - 1e-6), no_limit));
    }

    /// The best contiguous partition on devices in any order, at most `most` of them; devices of one kind may be
    /// exchanged for one another. Nothing where there is none, or would be more than `max_entries` table entries.
    ///
    /// Exact, with a bound for all orders, where the instance is a line and no two pairs that the partition uses share
    /// a link; elsewhere of divisions in which no tensor skips a part. Some 30 * kinds * entries steps, where
    /// entries = (product of all kinds' sizes + 1) * kinds * blocks.
    /// \param known a value that a partition has which is there already; nothing also where none is below it
    [[nodiscard]] std::optional<chain_solution>
    solve_any_order(const std::vector<detail::alike_devices>& kinds, objective goal, std::size_t most,
                    std::size_t max_entries, double known = no_limit) {
        if (!line_) return std::nullopt;
        const auto states =
            detail::line_states::in_any_order(kinds, most, max_entries / (line_->blocks() + 1));
        if (!states || states->size() == 0) return std::nullopt;
        auto found = search_line(*states, goal, known);
        if (!found) return std::nullopt;
        found->exact = found->exact && is_line();
        if (!is_line()) found->bound = 0.0;
        return found;
    }

    /// Whether no tensor skips a layer.
    [[nodiscard]] bool is_line() const noexcept { return line_ && line_->cuts().is_whole; }
    /// The most parts of a division in which no tensor skips a part.
    [[nodiscard]] std::size_t most_unskipped() const { return line_ ? line_->cuts().most_segments() : 0; }
    [[nodiscard]] const instance& problem() const noexcept { return *problem_; }
    /// Segments priced and states compared by all searches so far: the work done, whatever the machine.
    [[nodiscard]] std::size_t steps() const noexcept { return steps_; }

  private:
    static constexpr double no_limit = std::numeric_limits<double>::max();

    struct candidate {
        partition division{};  ///< may be empty: then only the figures count
        double value = 0.0;    ///< by `evaluate`
        double priced = 0.0;   ///< the same with every pair of devices priced alone
    };

    chain_solver(const instance& problem, const chain_options& options)
        : problem_(&problem)
        , options_(options) {
        if (auto line = detail::make_line(problem))
            line_ = std::make_unique<detail::line_tables>(problem, std::move(*line));
    }

    [[nodiscard]] detail::chain_tables& tables() {
        if (!tables_) tables_ = std::make_unique<detail::chain_tables>(*problem_);
        return *tables_;
    }

    // --- lines

    [[nodiscard]] detail::line_states in_order(const std::vector<device_id>& order) const {
        return detail::line_states::in_order(order, most(order));
    }
    [[nodiscard]] std::size_t most(const std::vector<device_id>& order) const {
        return problem_->max_devices == 0 ? order.size() : problem_->max_devices;
    }

    [[nodiscard]] std::optional<chain_solution> improve_line(const std::vector<device_id>& order,
                                                             objective goal, double limit) {
        auto found = search_line(in_order(order), goal, limit);
        if (!found || found->value > limit) return std::nullopt;
        return found;
    }

    /// The best division of the line whose value, every pair of devices priced alone, is within the limit.
    [[nodiscard]] std::optional<chain_solution> search_line(const detail::line_states& states, objective goal,
                                                            double limit) {
        detail::line_search search(*line_, states);
        double bound = 0.0;
        std::optional<detail::line_division> found;
        if (goal == objective::throughput) {
            found = search.least_load(0.0, limit, bound);
        } else if (found = search.least_latency(); found) {
            bound = found->value;
        }
        steps_ += search.steps();
        if (!found || found->value > limit) return std::nullopt;
        for (std::size_t& cut : found->cuts) cut = line_->cuts().cuts[cut];
        auto seen = judge({std::move(found->cuts), std::move(found->devices)}, goal);
        if (!seen) return std::nullopt;
        bound = std::min(bound, seen->value);
        return chain_solution{std::move(seen->division), seen->value, bound,
                              seen->value <= bound * (1.0 + 1e-8)};
    }

    // --- any instance

    [[nodiscard]] std::optional<chain_solution> find(const std::vector<device_id>& order, objective goal) {
        std::optional<candidate> known;
        if (is_line()) {
            auto found = search_line(in_order(order), goal, std::numeric_limits<double>::max());
            if (!found || found->exact || most(order) < order.size()) return found;
            known = candidate{found->division, found->value, priced(found->division)};
        } else {
            known = one_device(order, goal);
            if (auto unskipped = improve_unskipped(order, goal, known ? known->value : no_limit))
                known = candidate{unskipped->division, unskipped->value, priced(unskipped->division)};
        }
        if (tables().most_live() >= detail::chain_state::anybody) return std::nullopt;
        return optimise(order, goal, std::move(known));
    }

    static result<void> check_size(const instance& problem) {
        double entries =
            static_cast<double>(problem.layer_count()) * static_cast<double>(problem.device_count());
        for (tensor_id t = 0; t < problem.tensor_count(); ++t) {
            const layer_id from = problem.producer[t] == no_id ? 0 : problem.producer[t];
            const layer_id to = problem.consumers[t].empty() ? from : problem.consumers[t].back();
            entries += 2.0 * static_cast<double>(to - from + 1);
        }
        entries +=
            static_cast<double>(problem.model_outputs.size()) * static_cast<double>(problem.layer_count());
        if (entries <= 5e7 && problem.device_count() < 65000 && problem.tensor_count() < 4'000'000'000)
            return {};
        return fail(errc::limit_exceeded, "instance", "too large for the chain algorithm",
                    "merge layers or use fewer devices");
    }

    [[nodiscard]] result<void> check_order(const std::vector<device_id>& order) const {
        std::vector<bool> seen(problem().device_count(), false);
        if (order.empty()) return fail(errc::invalid_argument, "order", "there are no devices");
        for (const device_id d : order) {
            if (d >= seen.size()) return fail(errc::invalid_argument, "order", "there is no such device");
            if (seen[d])
                return fail(errc::invalid_argument, detail::device_label(problem(), d),
                            "the order has it twice");
            seen[d] = true;
        }
        return {};
    }

    /// Drops the device that is missed least until few enough are left. Heuristic.
    [[nodiscard]] result<chain_solution> thinned_out(const std::vector<device_id>& order, objective goal) {
        instance relaxed = problem();
        relaxed.max_devices = 0;
        DISPART_TRY(auto free, make(relaxed, options_));
        DISPART_TRY(auto now, free.solve(order, goal));
        while (now.division.parts.size() > problem().max_devices) {
            std::vector<device_id> used;
            for (const part& p : now.division.parts) used.push_back(p.device);
            result<chain_solution> best =
                fail(errc::infeasible, "max_devices", "nothing fits on so few devices");
            for (std::size_t i = 0; i < used.size(); ++i) {
                auto without = used;
                without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
                auto tried = free.solve(without, goal);
                if (tried && (!best || tried->value < best->value)) best = std::move(tried);
            }
            if (!best) return best;
            now = std::move(*best);
        }
        now.exact = false;
        return now;
    }

    [[nodiscard]] std::optional<candidate> judge(const detail::chain_cuts& found, objective goal) const {
        candidate out{detail::contiguous_partition(found.cuts, found.devices)};
        const auto graph = expand(problem(), out.division);
        if (!graph) return std::nullopt;
        const auto achieved = evaluate(problem(), out.division, *graph);
        if (!achieved) return std::nullopt;
        out.value = out.priced = achieved->value(goal);
        if (goal == objective::throughput) out.priced = priced_alone(*achieved);
        return out;
    }

    [[nodiscard]] double priced(const partition& division) const {
        const auto achieved = evaluate(problem(), division);
        return achieved ? priced_alone(*achieved) : std::numeric_limits<double>::infinity();
    }

    [[nodiscard]] double priced_alone(const evaluation& achieved) const {
        double period = *std::max_element(achieved.device_load.begin(), achieved.device_load.end());
        for (const resource& pair : achieved.pair_load) period = std::max(period, pair.seconds);
        return period;
    }

    /// All layers on one of the two devices that would compute fastest: something to begin with.
    [[nodiscard]] std::optional<candidate> one_device(std::vector<device_id> devices, objective goal) {
        std::stable_sort(devices.begin(), devices.end(), [&](device_id a, device_id b) {
            return tables().compute(a).back() < tables().compute(b).back();
        });
        std::optional<candidate> best;
        for (std::size_t k = 0; k < std::min<std::size_t>(2, devices.size()); ++k) {
            auto one = judge({{0, problem().layer_count()}, {devices[k]}}, goal);
            if (one && (!best || one->value < best->value)) best = std::move(one);
        }
        return best;
    }

    [[nodiscard]] std::optional<chain_solution> optimise(const std::vector<device_id>& order, objective goal,
                                                         std::optional<candidate> best,
                                                         double tolerance = 1e-9) {
        if (goal == objective::latency) return optimise_latency(order, std::move(best));
        return problem().load == load_model::serial
                   ? optimise_period<detail::chain_goal::serial>(order, std::move(best), tolerance)
                   : optimise_period<detail::chain_goal::overlapped>(order, std::move(best), tolerance);
    }

    [[nodiscard]] std::optional<chain_solution> optimise_latency(const std::vector<device_id>& order,
                                                                 std::optional<candidate> best) {
        if (!tails_) tails_ = std::make_unique<detail::chain_tails>(tables());
        detail::chain_search<detail::chain_goal::latency> search(tables(), tails_.get(), order,
                                                                 options_.max_states, options_.max_steps);
        const double limit = best ? best->value : std::numeric_limits<double>::infinity();
        if (const auto found = run(search, limit, false)) best = judge(*found, objective::latency);
        if (!best || best->division.parts.empty()) return std::nullopt;
        const double bound = search.complete() ? best->value : std::min(best->value, tails_->from_start());
        return chain_solution{std::move(best->division), best->value, bound, search.complete()};
    }

    template <class Search>
    [[nodiscard]] std::optional<detail::chain_cuts> run(Search& search, double limit, bool relaxed) {
        const std::size_t before = search.steps();
        auto found = search.run(limit, relaxed);
        steps_ += search.steps() - before;
        return found;
    }

    /// One quick look for a partition within the limit; a thorough one misses none.
    template <detail::chain_goal Goal>
    [[nodiscard]] std::optional<candidate> glimpse(const std::vector<device_id>& order, double limit,
                                                   bool thorough) {
        detail::chain_search<Goal> search(tables(), tails_.get(), order, options_.max_states,
                                          options_.max_steps);
        for (const bool relaxed : {true, false}) {
            const auto found = run(search, limit, relaxed);
            if (!found) return std::nullopt;
            auto seen = judge(*found, objective::throughput);
            if (seen && seen->value <= limit) return seen;
            if (!thorough) break;
        }
        return std::nullopt;
    }

    /// Halves the interval between what is impossible and what was found, until nothing is between.
    template <detail::chain_goal Goal>
    [[nodiscard]] std::optional<chain_solution>
    optimise_period(const std::vector<device_id>& order, std::optional<candidate> best, double tolerance) {
        detail::chain_search<Goal> search(tables(), tails_.get(), order, options_.max_states,
                                          options_.max_steps);
        double low = least_period(order);  // nothing is below
        double high = std::numeric_limits<double>::infinity();
        bool certain = true;
        if (best) high = best->priced;
        /// Whether the limit can be kept; moves `high`, or else `low`.
        const auto ask = [&](double limit) {
            for (const bool relaxed : {true, false}) {
                const auto found = run(search, limit, relaxed);
                if (!found) {
                    certain = certain && search.complete();
                    if (certain) low = std::max(low, limit);
                    return false;
                }
                auto seen = judge(*found, objective::throughput);
                if (!seen || seen->priced > limit * (1.0 + 5e-10)) continue;
                high = std::min(high, seen->priced);
                if (!best || seen->value < best->value) best = std::move(seen);
                return true;
            }
            return certain = false;
        };
        if (!best && !ask(std::numeric_limits<double>::max())) return std::nullopt;
        while (certain && high > low * (1.0 + tolerance) && high > 0.0) {
            if (high > low * 1.02 || tolerance > 1e-6) ask(low + (high - low) / 2.0);
            if (high <= low * 1.02 && tolerance <= 1e-6 && !ask(high * (1.0 - 1e-9))) break;
        }
        const bool exact = best->value <= low * (1.0 + 1e-8);
        return chain_solution{std::move(best->division), best->value, std::min(low, best->value), exact};
    }

    /// Every layer runs somewhere.
    [[nodiscard]] double least_period(const std::vector<device_id>& order) const {
        double least = 0.0;
        for (layer_id l = 0; l < problem().layer_count(); ++l) {
            double fastest = std::numeric_limits<double>::infinity();
            for (const device_id d : order)
                if (problem().is_allowed(l, d)) fastest = std::min(fastest, problem().compute(l, d));
            if (fastest < std::numeric_limits<double>::infinity()) least = std::max(least, fastest);
        }
        return least;
    }

    const instance* problem_;
    std::unique_ptr<detail::line_tables> line_{};     // where there is one
    std::unique_ptr<detail::chain_tables> tables_{};  // made when they are needed
    std::unique_ptr<detail::chain_tails> tails_{};    // made for the first search for latency
    chain_options options_;
    std::size_t steps_ = 0;
};

/// The exact chain algorithm as a partitioner: every topological prefix is a cut, devices may be left out.
///
/// Errors: those of `chain_solver`. Guarantee and complexity: see there.
/// Sources: the dynamic programs of PipeDream (Narayanan et al., SOSP 2019) and PipeEdge (Hu et al., DSD 2022) for
/// chains, extended to tensors that skip segments, unequal directed links, memory caps and both objectives; the
/// parametric search is that of Nicol, "Rectilinear partitioning of irregular data parallel computations", 1994.
struct chain_partitioner {
    std::vector<device_id> order{};  ///< devices in the order in which segments may use them; empty: by id
    chain_options options{};

    [[nodiscard]] static constexpr std::string_view name() { return "chain"; }

    [[nodiscard]] result<chain_solution> solve(const instance& problem, objective goal) const {
        DISPART_TRY(auto solver, chain_solver::make(problem, options));
        return solver.solve(order.empty() ? detail::all_devices(problem) : order, goal);
    }
    [[nodiscard]] result<partition> operator()(const instance& problem, objective goal) const {
        DISPART_TRY(auto solution, solve(problem, goal));
        return std::move(solution.division);
    }
};
static_assert(partitioner<chain_partitioner>);

}  // namespace dispart
