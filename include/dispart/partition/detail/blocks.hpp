#pragma once
/// \file
/// The units of contiguous partitions: atoms that no contiguous partition separates, and what comes before what.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/strong_components.hpp>

#include "dispart/core/csr.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/partition/detail/atoms.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::detail {

/// The atoms of `problem` are blocks; `after[b]` come later than b (direct successors, ascending, each once).
struct block_problem {
    atom_problem problem{};
    csr after{};
    std::vector<std::size_t> before_count{};  ///< [block] number of direct predecessors
    std::vector<double> own_weight{};         ///< [block] bytes without those of the leaves that joined it
};

/// Which leaves join their neighbour.
enum class leaves {
    all,         ///< no load is missed; with little memory, room for the leaves may be
    weightless,  ///< nothing is missed
};

using arc_list = std::vector<std::pair<std::size_t, std::size_t>>;

inline void make_unique(arc_list& all) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    std::erase_if(all, [](const auto& arc) { return arc.first == arc.second; });
}

[[nodiscard]] inline bool is_backward(const instance& p, layer_id l) {
    return l < p.backward.size() && p.backward[l] != 0;
}

/// What comes before what: arcs of the forward pass; where an atom has backward layers only, the mirror images of their
/// arcs instead.
[[nodiscard]] inline arc_list forward_arcs(const instance& p, const atom_problem& atoms) {
    std::vector<bool> has_forward(atoms.size(), false);
    for (layer_id l = 0; l < p.layer_count(); ++l)
        if (!is_backward(p, l)) has_forward[atoms.atom[l]] = true;
    arc_list all;
    for (tensor_id t = 0; t < p.tensor_count(); ++t) {
        if (p.producer[t] == no_id) continue;
        const std::size_t from = atoms.atom[p.producer[t]];
        for (const layer_id l : p.consumers[t]) {
            const std::size_t to = atoms.atom[l];
            const bool back = is_backward(p, p.producer[t]);
            if (!back && !is_backward(p, l)) all.emplace_back(from, to);
            if (back && is_backward(p, l) && (!has_forward[from] || !has_forward[to]))
                all.emplace_back(to, from);
        }
    }
    make_unique(all);
    return all;
}

/// Whether an atom's forward layers share tensors with backward layers, of whichever atom.
[[nodiscard]] inline std::vector<bool> meets_backward(const instance& p, const atom_problem& atoms) {
    std::vector<bool> meets(atoms.size(), false);
    for (tensor_id t = 0; t < p.tensor_count(); ++t) {
        if (p.producer[t] == no_id) continue;
        for (const layer_id l : p.consumers[t])
            if (is_backward(p, l) != is_backward(p, p.producer[t]))
                meets[atoms.atom[is_backward(p, l) ? p.producer[t] : l]] = true;
    }
    return meets;
}

/// Joins atoms that wait for one another in a circle. Returns the number of groups.
inline std::size_t join_circles(std::size_t atoms, const arc_list& all, std::vector<std::size_t>& group) {
    using graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS>;
    const graph g(all.begin(), all.end(), atoms);
    group.assign(atoms, 0);
    boost::strong_components(g, group.data());
    return renumber(group);
}

/// Whether an atom shares nothing with others than its neighbour.
[[nodiscard]] inline bool shares_only_with(const atom_problem& atoms, std::size_t a, std::size_t neighbour) {
    for (const std::size_t n : atoms.nets[a]) {
        const auto pins = atoms.pins[n];
        if (!std::binary_search(pins.begin(), pins.end(), neighbour)) return false;
    }
    return true;
}

/// Joins each atom that takes no time, has a single neighbour and no tie to the backward pass with that neighbour: a
/// weight goes where it is used. \return [atom] whether it joined another one; empty where none did
[[nodiscard]] inline std::vector<bool> join_leaves(const atom_problem& atoms, const arc_list& all,
                                                   const std::vector<bool>& tied, leaves which,
                                                   std::vector<std::size_t>& group) {
    std::vector<std::size_t> degree(atoms.size(), 0), neighbour(atoms.size(), no_id);
    for (const auto& [from, to] : all) {
        ++degree[from], ++degree[to];
        neighbour[from] = to, neighbour[to] = from;
    }
    group.resize(atoms.size());
    std::iota(group.begin(), group.end(), std::size_t{0});
    std::vector<bool> taken(atoms.size(), false), joined(atoms.size(), false);
    bool any = false;
    for (std::size_t a = 0; a < atoms.size(); ++a) {
        double seconds = 0.0;
        for (std::size_t k = 0; k < atoms.kinds.size(); ++k) seconds += atoms.on(a, k);
        if (degree[a] != 1 || seconds > 0.0 || tied[a] || taken[a] || group[neighbour[a]] != neighbour[a] ||
            (which == leaves::weightless && atoms.weight[a] > 0.0) ||
            !shares_only_with(atoms, a, neighbour[a]))
            continue;
        group[a] = neighbour[a];
        taken[neighbour[a]] = joined[a] = any = true;
    }
    renumber(group);
    return any ? joined : std::vector<bool>{};
}

inline void rename(arc_list& all, const std::vector<std::size_t>& group) {
    for (auto& [from, to] : all) from = group[from], to = group[to];
    make_unique(all);
}

/// The blocks of an instance in a topological order of the forward pass. O(size * log) a round of joining leaves.
[[nodiscard]] inline block_problem blocks_of(const instance& p, const atom_problem& atoms,
                                             leaves which = leaves::all) {
    arc_list all = forward_arcs(p, atoms);
    std::vector<bool> tied = meets_backward(p, atoms);
    std::vector<std::size_t> group;
    block_problem out{atoms, {}, {}, atoms.weight};
    const auto join = [&](const std::vector<bool>& leaf) {
        const std::size_t count = *std::max_element(group.begin(), group.end()) + 1;
        std::vector<bool> still(count, false);
        std::vector<double> own(count, 0.0);
        for (std::size_t a = 0; a < tied.size(); ++a) {
            if (tied[a]) still[group[a]] = true;
            if (leaf.empty() || !leaf[a]) own[group[a]] += out.own_weight[a];
        }
        tied = std::move(still);
        out.own_weight = std::move(own);
        out.problem = joined(out.problem, group, count);
        rename(all, group);
    };
    if (atoms.size() == 0) return out;
    join_circles(atoms.size(), all, group);
    join({});
    for (auto leaf = join_leaves(out.problem, all, tied, which, group); !leaf.empty();
         leaf = join_leaves(out.problem, all, tied, which, group))
        join(leaf);

    std::vector<std::vector<std::size_t>> next(out.problem.size());
    out.before_count.assign(next.size(), 0);
    for (const auto& [from, to] : all) next[from].push_back(to), ++out.before_count[to];
    out.after = csr(next);
    return out;
}

}  // namespace dispart::detail
