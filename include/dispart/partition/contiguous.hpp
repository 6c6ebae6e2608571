#pragma once
/// \file
/// The smallest largest load of a contiguous division of a graph, exactly.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/detail/device_choices.hpp"
#include "dispart/partition/detail/ideals.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

struct contiguous_options {
    search_budget budget{.seconds = 600.0};
    std::size_t orders = 32;  ///< topological orders whose intervals the search starts from
    std::uint64_t seed = 1;   ///< of the random ones
    bool exact = true;        ///< false: the best of those intervals is the answer
    bool replicate =
        false;  ///< a part may go to several devices of a kind, which take turns; not with a backward pass
};

namespace detail {

/// Errors: see `place_contiguous`.
[[nodiscard]] inline result<void> check_contiguous(const atom_problem& atoms, const device_counts& counts) {
    if (atoms.kinds.size() > most_kinds || counts.size() > 65536)
        return fail(errc::limit_exceeded, "cluster", "there are too many different devices");
    return {};
}

/// The best contiguous division, first as if leaves that joined others weighed nothing, so that no division is missed. If
/// what that finds does not fit, with the leaves' weights, and at last with each leaf free to go where there is room.
class contiguous_search {
  public:
    contiguous_search(const instance& problem, const search_budget& budget)
        : problem_(problem)
        , atoms_(atoms_of(problem))
        , watch_(budget) {}

    void run(const block_problem& blocks, const device_counts& counts, const contiguous_options& options) {
        take(blocks, best_intervals(blocks, counts, options.orders, options.seed));
        if (!options.exact) return;
        block_problem light = blocks;
        light.problem.weight = light.own_weight;
        const auto least = ideal_search(light, counts, watch_, options.replicate).solve(value_);
        if (watch_.is_over()) return keep_if_it_fits(blocks, least);
        bound_ = least ? least->value : value_;
        keep_if_it_fits(blocks, least);
        if (value_ <= bound_) return;
        take(blocks, ideal_search(blocks, counts, watch_, options.replicate).solve(value_));
        if (value_ <= bound_ || watch_.is_over()) return;
        const block_problem fine = blocks_of(problem_, atoms_, leaves::weightless);
        const device_counts fine_counts(fine.problem);
        take(fine, best_intervals(fine, fine_counts, options.orders, options.seed));
        take(fine, ideal_search(fine, fine_counts, watch_, options.replicate).solve(value_));
        if (!watch_.is_over()) bound_ = value_;
    }

    [[nodiscard]] const assignment& best() const noexcept { return best_; }
    [[nodiscard]] const std::vector<std::vector<device_id>>& taking_turns() const noexcept {
        return taking_turns_;
    }
    [[nodiscard]] double bound() const noexcept { return bound_; }
    [[nodiscard]] bool is_over() const noexcept { return watch_.is_over(); }
    [[nodiscard]] std::size_t steps() const noexcept { return watch_.steps(); }

  private:
    void take(const block_problem& blocks, const std::optional<block_division>& found) {
        if (!found || found->device.empty() || !(found->value < value_)) return;
        value_ = found->value;
        best_ = spread(blocks.problem, found->device);
        taking_turns_ = found->taking_turns;
    }
    void keep_if_it_fits(const block_problem& blocks, const std::optional<block_division>& found) {
        if (found && weights_on_devices(problem_, spread(blocks.problem, found->device))) take(blocks, found);
    }

    const instance& problem_;
    atom_problem atoms_;
    stop_watch watch_;
    assignment best_{};
    std::vector<std::vector<device_id>> taking_turns_{};
    double value_ = std::numeric_limits<double>::infinity();
    double bound_ = 0.0;
};

}  // namespace detail

/// Makes the largest load of a device small (throughput, `load_model::nets`) among contiguous divisions.
///
/// Contiguous: in some order of the devices, each one's forward layers are the difference of two downward-closed sets of
/// the forward pass. Layers that belong together are one; so are layers that would otherwise wait for one another in a
/// circle, and a layer that takes no time, has one neighbour and no tie to the backward pass joins that neighbour, unless
/// memory is so scarce that it has to go elsewhere.
/// Backward layers follow those with which they belong together; where there is none, the mirror image of the backward
/// pass says where they stand.
///
/// With `replicate`, a part may be copied to several equal devices that take turns (each needs memory for all of it): its
/// load is shared among them. Stages of PipeDream (Narayanan et al., SOSP 2019) are the chain case.
///
/// Errors: invalid_argument (another load model, no layers, replicas of a backward pass), limit_exceeded (over 16 kinds of devices or 65536 ways to
/// count them), infeasible (there is none), timeout (none was found in time).
/// Guarantee: exact where the budget suffices (then `bound == value`); otherwise the best found, with the bound that was
/// reached, or 0.
/// Time at most O(pairs of downward-closed sets that one device can take * degree), memory O(downward-closed sets *
/// counts of devices); far fewer, since sets through which nothing better can pass are never made.
/// Source: Tarnawski, Phanishayee, Devanur, Mahajan, Nina Paravecino, "Efficient Algorithms for Device Placement of DNN
/// Graph Operators", NeurIPS 2020, section 5.1.1. Their table of pairs is replaced by enumeration, and bounded.
[[nodiscard]] inline result<placement> place_contiguous(const instance& problem,
                                                        const contiguous_options& options = {}) {
    DISPART_CHECK(detail::check_placeable(problem));
    if (options.replicate &&
        std::find(problem.backward.begin(), problem.backward.end(), 1) != problem.backward.end())
        return fail(errc::invalid_argument, "instance", "layers of a backward pass are not replicated");
    if (detail::limits_devices(problem))
        return detail::over_device_choices(problem, objective::throughput, options.budget,
                                           [&](const instance& part, const search_budget& budget) {
                                               auto here = options;
                                               here.budget = budget;
                                               return place_contiguous(part, here);
                                           });
    const detail::block_problem blocks = detail::blocks_of(problem, detail::atoms_of(problem));
    const detail::device_counts counts(blocks.problem);
    DISPART_CHECK(detail::check_contiguous(blocks.problem, counts));
    detail::contiguous_search search(problem, options.budget);
    search.run(blocks, counts, options);
    if (search.best().empty()) {
        if (options.exact && !search.is_over())
            return fail(errc::infeasible, "instance", "no contiguous division fits the devices");
        return fail(errc::timeout, "instance", "no contiguous division was found in time");
    }
    placement out{.devices = search.best(),
                  .algorithm = options.exact ? "ideals" : "intervals",
                  .steps = search.steps(),
                  .taking_turns = search.taking_turns()};
    DISPART_TRY(const auto achieved, evaluate_replicated(problem, out.devices, out.taking_turns));
    out.value = achieved.value;
    out.bound = search.bound() >= out.value * (1.0 - 1e-9) ? out.value : search.bound();
    return out;
}

}  // namespace dispart
