#pragma once
/// \file
/// Graphs of 100,000 layers on 1,000 devices: filled in topological order, then improved level by level.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/local_search.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

struct multilevel_options {
    search_budget budget{.seconds = 30.0};
    double enough = 0.0;  ///< a value that needs no improvement: a bound
    std::uint64_t seed = 1;
};

namespace detail {

/// Fills one device after the other with atoms in their order, as far as a limit of load allows.
class threshold_fill {
  public:
    explicit threshold_fill(const atom_problem& p) : p_(p), inside_(p.bytes.size(), 0) {
        std::vector<std::size_t> first(p.size(), no_id);
        for (layer_id l = 0; l < p.atom.size(); ++l) first[p.atom[l]] = std::min(first[p.atom[l]], l);
        order_.resize(p.size());
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::sort(order_.begin(), order_.end(),
                  [&](std::size_t a, std::size_t b) { return first[a] < first[b]; });
    }

    /// The assignment with the smallest limit that places every atom, by bisection; empty where none does.
    [[nodiscard]] std::vector<device_id> best(double least) {
        double most = std::max(least, 1e-12);
        auto found = fill(most);
        for (int i = 0; i < 60 && found.empty(); ++i) found = fill(most *= 2.0);
        if (found.empty()) return found;
        for (double low = std::max(least, most / 2.0); most > low * 1.002;) {
            const double middle = (low + most) / 2.0;
            if (auto better = fill(middle); better.empty()) low = middle;
            else most = middle, found = std::move(better);
        }
        return found;
    }

    /// Every device takes the longest run of what is left whose load is within the limit, passing over atoms that it may
    /// not hold. Empty where atoms are left. O(pins + nets, times 1 to 2).
    [[nodiscard]] std::vector<device_id> fill(double limit) {
        std::vector<device_id> device(p_.size(), no_id);
        std::vector<std::size_t> left = order_, passed;
        std::size_t at = 0;
        for (std::size_t k = 0; k < p_.kinds.size(); ++k) {
            for (const device_id d : p_.kinds[k].devices) at = take(left, at, k, d, limit, device, passed);
            passed.insert(passed.end(), left.begin() + static_cast<std::ptrdiff_t>(at), left.end());
            left = std::exchange(passed, {});
            at = 0;
        }
        return left.empty() ? device : std::vector<device_id>{};
    }

  private:
    std::size_t take(const std::vector<std::size_t>& left, std::size_t at, std::size_t kind, device_id d,
                     double limit, std::vector<device_id>& device, std::vector<std::size_t>& passed) {
        const double capacity = p_.kinds[kind].capacity * (1.0 + 1e-12),
                     rate = p_.kinds[kind].seconds_per_byte;
        double seconds = 0.0, weight = 0.0, shared = 0.0;
        std::size_t end = at, reached = at;
        for (std::size_t i = at; i < left.size(); ++i) {
            const double more = p_.on(left[i], kind);
            if (!(more < std::numeric_limits<double>::infinity())) continue;
            seconds += more, weight += p_.weight[left[i]];
            if (seconds > limit || weight > capacity) break;
            for (const std::size_t n : p_.nets[left[i]]) {
                const std::uint32_t now = ++inside_[n];
                if (now == 1) shared += p_.bytes[n];
                if (now == p_.pins[n].size()) shared -= p_.bytes[n];
            }
            reached = i + 1;
            if (seconds + shared * rate <= limit) end = i + 1;
        }
        for (std::size_t i = at; i < reached; ++i) {
            const bool may = p_.on(left[i], kind) < std::numeric_limits<double>::infinity();
            if (may)
                for (const std::size_t n : p_.nets[left[i]]) --inside_[n];
            if (i >= end) continue;
            if (may) device[left[i]] = d;
            else passed.push_back(left[i]);
        }
        return end;
    }

    const atom_problem& p_;
    std::vector<std::size_t> order_{};
    std::vector<std::uint32_t> inside_;  ///< [net]
};

}  // namespace detail

/// Makes the largest load of a device small (throughput, `load_model::nets`) on large graphs and clusters.
///
/// Devices are filled one after the other in topological order up to a limit of load, the smallest that suffices; then
/// layers on one device that share much are joined, level by level, and annealing moves groups, then layers, while the
/// budget lasts. 100,000 layers on 1,000 devices take a few seconds before the annealing, and memory for a table of
/// 4 bytes per tensor and device.
/// Errors: invalid_argument (another load model, no layers), infeasible (nothing that fits was found).
/// Heuristic: `bound` is 0. Repeatable where the budget is one of steps. Source of the levels: Karypis, Kumar, "A fast
/// and high quality multilevel scheme for partitioning irregular graphs", SIAM J. Sci. Comput. 20, 1998.
[[nodiscard]] inline result<placement> place_multilevel(const instance& problem,
                                                        const multilevel_options& options = {}) {
    DISPART_CHECK(detail::check_placeable(problem));
    if (detail::limits_devices(problem))
        return detail::over_device_choices(
            problem, objective::throughput, options.budget,
            [&](const instance& part, const search_budget& budget) {
                return place_multilevel(part,
                                        {.budget = budget, .enough = options.enough, .seed = options.seed});
            });
    detail::stop_watch watch(options.budget);
    const detail::atom_problem atoms = detail::atoms_of(problem);
    auto start = detail::threshold_fill(atoms).best(options.enough);
    search_budget rest = options.budget;
    rest.seconds = std::max(0.0, rest.seconds - watch.seconds());
    detail::cycle_search search(atoms, rest, options.seed);
    search.offer(std::move(start));
    search.improve(options.enough, 2);
    return detail::placement_of(problem, atoms, search.best(), search.steps(), objective::throughput,
                                "multilevel");
}

}  // namespace dispart
