#pragma once
/// \file
/// Oracles: every partition of a small instance, each scored by `evaluate`.

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/partition/baselines.hpp"
#include "dispart/partition/concepts.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

namespace detail {

/// Keeps the best of the candidates it is shown; the first of equals.
class best_candidate {
  public:
    best_candidate(const instance& problem, objective goal) : problem_(problem), goal_(goal) {}

    void consider(partition division) {
        const auto achieved = evaluate(problem_, division);
        if (!achieved) {
            if (!best_) best_ = tl::unexpected(achieved.error());
            return;
        }
        if (best_ && achieved->value(goal_) >= value_) return;
        value_ = achieved->value(goal_);
        best_ = std::move(division);
    }
    [[nodiscard]] result<partition> take() && { return std::move(best_); }

  private:
    const instance& problem_;
    objective goal_;
    double value_ = std::numeric_limits<double>::infinity();
    result<partition> best_ = fail(errc::infeasible, "cluster", "no candidate was found");
};

[[nodiscard]] inline result<void> check_candidates(double candidates, double limit) {
    if (candidates <= limit) return {};
    return fail(errc::limit_exceeded, "max_candidates",
                std::to_string(candidates) + " partitions would have to be tried; the limit is " +
                    std::to_string(limit));
}

}  // namespace detail

/// Tries every way to cut the layer order into contiguous parts, on every increasing subsequence of the device order.
///
/// Errors: infeasible (no partition satisfies the constraints; names what refused the last one tried),
/// limit_exceeded (more candidates than `max_candidates`). Exact among contiguous partitions for the device order.
/// O(C * evaluate), C = sum over k of binom(layers - 1, k - 1) * binom(devices, k).
struct exhaustive_partitioner {
    std::vector<device_id> order{};  ///< devices in the order in which parts may use them; empty: by id
    double max_candidates = 1e6;     ///< most partitions to try

    [[nodiscard]] static constexpr std::string_view name() { return "exhaustive"; }

    [[nodiscard]] result<partition> operator()(const instance& problem, objective goal) const {
        if (problem.layer_count() == 0)
            return fail(errc::invalid_argument, "instance", "there are no layers");
        const auto devices = order.empty() ? detail::all_devices(problem) : order;
        DISPART_CHECK(
            detail::check_candidates(candidates(problem.layer_count(), devices.size()), max_candidates));
        search state{problem, devices, detail::best_candidate(problem, goal), {0}, {}};
        state.extend(0);
        return std::move(state.best).take();
    }

  private:
    struct search {
        const instance& problem;
        const std::vector<device_id>& devices;
        detail::best_candidate best;
        std::vector<std::size_t> cuts;
        std::vector<device_id> used;

        void extend(std::size_t next_device) {
            if (cuts.back() == problem.layer_count()) {
                best.consider(detail::contiguous_partition(cuts, used));
                return;
            }
            for (std::size_t d = next_device; d < devices.size(); ++d)
                for (std::size_t end = cuts.back() + 1; end <= problem.layer_count(); ++end) {
                    cuts.push_back(end);
                    used.push_back(devices[d]);
                    extend(d + 1);
                    cuts.pop_back();
                    used.pop_back();
                }
        }
    };

    static double candidates(std::size_t layers, std::size_t devices) {
        double sum = 0.0;
        double ways = static_cast<double>(devices);  // to choose k parts and k devices, for k = 1
        for (std::size_t k = 1; k <= std::min(layers, devices); ++k) {
            sum += ways;
            ways *= static_cast<double>(layers - k) / static_cast<double>(k);
            ways *= static_cast<double>(devices - k) / static_cast<double>(k + 1);
        }
        return sum;
    }
};
static_assert(partitioner<exhaustive_partitioner>);

/// Tries every assignment of layers to devices in which each device's layers form one part and no parts wait for one
/// another in a circle. Parts need not be contiguous in the layer order.
///
/// Errors: infeasible, limit_exceeded (devices^layers over `max_candidates`).
/// Exact among partitions with at most one part per device. O(devices^layers * evaluate).
struct exhaustive_assignment_partitioner {
    double max_candidates = 1e6;  ///< most assignments to try

    [[nodiscard]] static constexpr std::string_view name() { return "exhaustive-assignment"; }

    [[nodiscard]] result<partition> operator()(const instance& problem, objective goal) const {
        const std::size_t layers = problem.layer_count();
        const std::size_t devices = problem.device_count();
        if (layers == 0) return fail(errc::invalid_argument, "instance", "there are no layers");
        DISPART_CHECK(detail::check_candidates(
            std::pow(static_cast<double>(devices), static_cast<double>(layers)), max_candidates));
        detail::best_candidate best(problem, goal);
        std::vector<device_id> assigned(layers, 0);
        for (bool more = devices > 0; more;) {
            auto division = ordered_parts(problem, assigned);
            if (!division.parts.empty()) best.consider(std::move(division));
            more = false;
            for (layer_id l = layers; l-- > 0 && !more;) {
                assigned[l] = (assigned[l] + 1) % devices;
                more = assigned[l] != 0;
            }
        }
        return std::move(best).take();
    }

  private:
    /// One part per device used, in topological order; no parts where there is none.
    static partition ordered_parts(const instance& problem, const std::vector<device_id>& assigned) {
        partition all;
        all.parts.resize(problem.device_count());
        for (layer_id l = 0; l < assigned.size(); ++l) all.parts[assigned[l]].layers.push_back(l);
        const auto needs = detail::flows(problem, assigned);
        partition out;
        std::vector<bool> placed(problem.device_count());
        std::size_t used = 0;
        for (const part& p : all.parts) used += p.layers.empty() ? 0 : 1;
        while (out.parts.size() < used) {
            device_id next = 0;
            const auto waits = [&](const detail::flow& f) {
                return f.to == next && f.from != no_id && !placed[f.from];
            };
            while (next < placed.size() && (placed[next] || all.parts[next].layers.empty() ||
                                            std::any_of(needs.begin(), needs.end(), waits)))
                ++next;
            if (next == placed.size()) return {};
            placed[next] = true;
            out.parts.push_back({all.parts[next].layers, next});
        }
        return out;
    }
};
static_assert(partitioner<exhaustive_assignment_partitioner>);

}  // namespace dispart
