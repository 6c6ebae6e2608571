#pragma once
/// \file
/// The smallest largest load of a contiguous division of a graph, exactly.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/detail/ideals.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/problem/validate.hpp"

namespace dispart {

struct contiguous_options {
    search_budget budget{.seconds = 600.0};
    std::size_t orders = 32;  ///< topological orders whose intervals the search starts from
    std::uint64_t seed = 1;   ///< of the random ones
    bool exact = true;        ///< false: the best of those intervals is the answer
};

namespace detail {

/// Errors: see `place_contiguous`.
[[nodiscard]] inline result<void> check_contiguous(const instance& problem, const atom_problem& atoms,
                                                   const device_counts& counts) {
    if (problem.load != load_model::nets)
        return fail(errc::invalid_argument, "instance", "its load model is not that of nets");
    if (problem.layer_count() == 0) return fail(errc::invalid_argument, "instance", "there are no layers");
    if (atoms.kinds.size() > most_kinds || counts.size() > 65536)
        return fail(errc::limit_exceeded, "cluster", "there are too many different devices");
    return {};
}

}  // namespace detail

/// Makes the largest load of a device small (throughput, `load_model::nets`) among contiguous divisions.
///
/// Contiguous: in some order of the devices, each one's forward layers are the difference of two downward-closed sets of
/// the forward pass. Layers that belong together are one; so are layers that would otherwise wait for one another in a
/// circle, and a layer that takes no time, has one neighbour and no tie to the backward pass joins that neighbour.
/// Backward layers follow those with which they belong together; where there is none, the mirror image of the backward
/// pass says where they stand.
///
/// Errors: invalid_argument (another load model, no layers), limit_exceeded (over 16 kinds of devices or 65536 ways to
/// count them), infeasible (there is none), timeout (none was found in time).
/// Guarantee: exact where the budget suffices (then `bound == value`); otherwise the best found, with bound 0.
/// Time at most O(pairs of downward-closed sets that one device can take * degree), memory O(downward-closed sets *
/// counts of devices); far fewer, since sets through which nothing better can pass are never made.
/// Source: Tarnawski, Phanishayee, Devanur, Mahajan, Nina Paravecino, "Efficient Algorithms for Device Placement of DNN
/// Graph Operators", NeurIPS 2020, section 5.1.1. Their table of pairs is replaced by enumeration, and bounded.
[[nodiscard]] inline result<placement> place_contiguous(const instance& problem,
                                                        const contiguous_options& options = {}) {
    DISPART_CHECK(validate(problem));
    if (problem.load != load_model::nets)
        return fail(errc::invalid_argument, "instance", "its load model is not that of nets");
    const detail::block_problem blocks = detail::blocks_of(problem, detail::atoms_of(problem));
    const detail::device_counts counts(blocks.problem);
    DISPART_CHECK(detail::check_contiguous(problem, blocks.problem, counts));
    detail::stop_watch watch(options.budget);
    detail::block_division best = detail::best_intervals(blocks, counts, options.orders, options.seed);
    placement out{.algorithm = "intervals"};
    if (options.exact) {
        detail::ideal_search search(blocks, counts, watch);
        if (auto better = search.solve(best.value)) best = std::move(*better);
        out.algorithm = "ideals";
    }
    if (best.device.empty()) {
        if (options.exact && !watch.is_over())
            return fail(errc::infeasible, "instance", "no contiguous division fits the devices");
        return fail(errc::timeout, "instance", "no contiguous division was found in time");
    }
    out.devices = detail::spread(blocks.problem, best.device);
    DISPART_TRY(const auto achieved, evaluate_assignment(problem, out.devices, objective::throughput));
    out.value = achieved.value;
    out.bound = options.exact && !watch.is_over() ? out.value : 0.0;
    out.steps = watch.steps();
    return out;
}

}  // namespace dispart
