#pragma once
/// \file
/// What no placement can beat under `load_model::nets`.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/detail/atoms.hpp"
#include "dispart/partition/detail/coarsen.hpp"
#include "dispart/partition/detail/max_flow.hpp"
#include "dispart/partition/detail/segments.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/problem/validate.hpp"

namespace dispart {

namespace detail {

/// All work, divided as it may be, over all devices: by `device_counts`' prices.
[[nodiscard]] inline double fractional_bound(const atom_problem& p) {
    const device_counts counts(p);
    return counts.total_work() / counts.left(0);
}

/// The least load of a device of this kind that holds the atom: its seconds, and for all that it shares either what
/// sharing costs or the seconds of the atoms with which it need not be shared. A minimum cut: a set of atoms S, with
/// each net that S touches but does not hold paid for.
[[nodiscard]] inline double least_load_with(const atom_problem& p, std::size_t atom, std::size_t kind) {
    const double rate = p.kinds[kind].seconds_per_byte;
    const double most =
        std::accumulate(p.bytes.begin(), p.bytes.end(), 1.0) * rate + static_cast<double>(p.size());
    const std::size_t n = p.size(), target = n + 2 * p.bytes.size();
    max_flow network(target + 1);
    double endless = most;
    for (std::size_t a = 0; a < n; ++a)
        if (p.on(a, kind) < std::numeric_limits<double>::infinity()) endless += p.on(a, kind);
    for (std::size_t a = 0; a < n; ++a) network.add(a, target, std::min(p.on(a, kind), endless));
    for (std::size_t i = 0; i < p.bytes.size(); ++i) {
        const std::size_t in = n + 2 * i, out = in + 1;
        network.add(in, out, p.bytes[i] * rate);
        for (const std::size_t a : p.pins[i]) network.add(a, in, endless), network.add(out, a, endless);
    }
    return network.run(atom, target);
}

/// Whichever device holds an atom, its load is no less. \param most atoms looked at, those that look heaviest first
[[nodiscard]] inline double single_atom_bound(const atom_problem& p, std::size_t most) {
    std::vector<double> reach(p.size(), 0.0);
    for (std::size_t a = 0; a < p.size(); ++a) {
        reach[a] = fastest_seconds(p, a);
        for (const std::size_t n : p.nets[a]) reach[a] += p.bytes[n];
    }
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return reach[a] > reach[b]; });
    double bound = 0.0;
    for (std::size_t i = 0; i < std::min(most, order.size()); ++i) {
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t k = 0; k < p.kinds.size(); ++k)
            if (p.on(order[i], k) < least) least = std::min(least, least_load_with(p, order[i], k));
        bound = std::max(bound, least);
    }
    return bound;
}

/// The longest path, every layer on its fastest device and sharing free.
[[nodiscard]] inline double critical_path(const instance& p) {
    std::vector<double> finish(p.layer_count(), 0.0);
    double last = 0.0;
    for (layer_id l = 0; l < p.layer_count(); ++l) {
        double least = std::numeric_limits<double>::infinity(), start = 0.0;
        for (device_id d = 0; d < p.device_count(); ++d)
            if (p.is_allowed(l, d)) least = std::min(least, p.compute(l, d));
        for (const tensor_id t : p.reads[l])
            if (p.producer[t] != no_id) start = std::max(start, finish[p.producer[t]]);
        finish[l] = start + least;
        last = std::max(last, finish[l]);
    }
    return last;
}

}  // namespace detail

/// A value of the objective that no placement beats.
///
/// Throughput: the larger of all work over all devices, fractionally, and, for the heaviest atoms, the least load of a
/// device that holds the atom (a minimum cut). Latency: the longest path at full speed with nothing shared.
/// Errors: invalid_argument (another load model or a broken instance). Infinite where a layer may run nowhere.
[[nodiscard]] inline result<double> placement_bound(const instance& problem, objective goal) {
    DISPART_CHECK(validate(problem));
    if (problem.load != load_model::nets)
        return fail(errc::invalid_argument, "instance", "its load model is not that of nets");
    if (problem.layer_count() == 0) return 0.0;
    if (goal == objective::latency) return detail::critical_path(problem);
    const detail::atom_problem atoms = detail::atoms_of(problem);
    const std::size_t most = atoms.size() <= 3000 ? 16 : 0;
    return std::max(detail::fractional_bound(atoms), detail::single_atom_bound(atoms, most));
}

}  // namespace dispart
