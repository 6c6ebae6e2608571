#pragma once
/// \file
/// A device for each single layer, under `load_model::nets`: what it achieves, checked from first principles.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/problem/validate.hpp"
#include "dispart/task/expand.hpp"
#include "dispart/task/memory.hpp"

namespace dispart {

/// [layer] its device. Unlike a `partition`, a device's layers need not form parts that come one after the other.
using assignment = std::vector<device_id>;

/// What an assignment achieves.
struct assignment_value {
    double value = 0.0;                   ///< of the objective, in seconds
    device_id binding = no_id;            ///< throughput: the device with the largest load
    std::vector<double> device_load{};    ///< [device] computing plus shared tensors
    std::vector<double> device_memory{};  ///< [device] bytes of weights
};

/// One algorithm's turn in a portfolio.
struct placement_attempt {
    std::string algorithm{};
    double value = std::numeric_limits<double>::infinity();  ///< infinite: it found nothing
    double bound = 0.0;                                      ///< that it proved, for what it searches
    double seconds = 0.0;
    std::string outcome{};  ///< in words
};

/// What a solver hands on.
struct placement {
    assignment devices{};
    double value = 0.0;       ///< of the objective, by `evaluate_assignment`
    double bound = 0.0;       ///< nothing in the solver's domain is better
    std::string algorithm{};  ///< that found it
    std::size_t steps = 0;    ///< of the search: the work done, whatever the machine
    std::vector<std::vector<device_id>> taking_turns{};  ///< devices that do the same; the first is in `devices`
    std::string reason{};  ///< why this algorithm's answer was taken; empty where no other was tried
    std::vector<placement_attempt> tried{};  ///< by `place`, in this order

    [[nodiscard]] bool is_optimal() const noexcept { return value <= bound * (1.0 + 1e-9); }
    /// How far the bound is below the value, relative to the value.
    [[nodiscard]] double gap() const noexcept { return is_optimal() ? 0.0 : (value - bound) / value; }
};

/// When a search ends: after so many seconds, or after so many steps, which makes it repeatable.
struct search_budget {
    double seconds = 10.0;
    std::size_t steps = std::numeric_limits<std::size_t>::max();
};

namespace detail {

/// Looks at the clock now and then.
class stop_watch {
  public:
    explicit stop_watch(const search_budget& budget) : budget_(budget) {}

    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }
    /// Counts a step; true once the budget is used up.
    bool step() {
        ++steps_;
        if ((steps_ & 1023U) == 0) late_ = late_ || seconds() >= budget_.seconds;
        return is_over();
    }
    [[nodiscard]] bool is_over() const noexcept { return late_ || steps_ >= budget_.steps; }
    [[nodiscard]] std::size_t steps() const noexcept { return steps_; }
    /// The part of the budget that is used, 0 to 1.
    [[nodiscard]] double used() const {
        const double by_steps = static_cast<double>(steps_) / static_cast<double>(budget_.steps);
        return std::min(1.0, std::max(by_steps, seconds() / budget_.seconds));
    }

  private:
    search_budget budget_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::size_t steps_ = 0;
    bool late_ = false;
};

[[nodiscard]] inline bool is_unlimited(const instance& p, device_id d) {
    return d < p.unlimited.size() && p.unlimited[d] != 0;
}

/// Whether layers can be placed one by one. Errors: those of `validate`; invalid_argument (another load model, no layers).
[[nodiscard]] inline result<void> check_placeable(const instance& p) {
    DISPART_CHECK(validate(p));
    if (p.load == load_model::nets && p.layer_count() > 0) return {};
    return fail(errc::invalid_argument, "instance", "it has no layers or its load model is not that of nets");
}

/// Errors: see `evaluate_assignment`.
[[nodiscard]] inline result<void> check_assignment(const instance& p, const assignment& given) {
    if (p.load != load_model::nets)
        return fail(errc::invalid_argument, "instance", "its load model is not that of nets");
    if (given.size() != p.layer_count())
        return fail(errc::invalid_argument, "assignment", "it has not one device per layer");
    std::map<std::size_t, device_id> of_class;
    std::vector<bool> used(p.device_count(), false);
    for (layer_id l = 0; l < given.size(); ++l) {
        if (given[l] >= p.device_count())
            return fail(errc::invalid_argument, layer_label(p, l), "its device does not exist");
        if (!p.is_allowed(l, given[l]))
            return fail(errc::infeasible, layer_label(p, l),
                        "the layer may not run on " + device_label(p, given[l]));
        used[given[l]] = true;
        if (p.together.empty() || p.together[l] == no_id) continue;
        if (of_class.try_emplace(p.together[l], given[l]).first->second != given[l])
            return fail(errc::infeasible, layer_label(p, l),
                        "it is apart from a layer with which it must share a device");
    }
    const auto count = static_cast<std::size_t>(std::count(used.begin(), used.end(), true));
    if (p.max_devices > 0 && count > p.max_devices)
        return fail(errc::infeasible, "max_devices",
                    std::to_string(count) + " devices are used, of at most " + std::to_string(p.max_devices));
    return {};
}

/// Memory per device. Errors: infeasible, naming the device that is too small.
[[nodiscard]] inline result<std::vector<double>> weights_on_devices(const instance& p,
                                                                    const assignment& given) {
    std::vector<double> used(p.device_count(), 0.0);
    for (layer_id l = 0; l < given.size(); ++l) used[given[l]] += p.weight_bytes[l];
    for (device_id d = 0; d < used.size(); ++d)
        if (used[d] > p.memory_capacity[d] * (1.0 + 1e-12))
            return fail(errc::infeasible, device_label(p, d),
                        "its layers need " + memory_text(used[d]) + " of memory and it has " +
                            memory_text(p.memory_capacity[d]));
    return used;
}

/// Producer and readers of a tensor, each device once, ascending.
[[nodiscard]] inline std::vector<device_id> holders(const instance& p, const assignment& given, tensor_id t) {
    std::vector<device_id> all;
    if (p.producer[t] != no_id) all.push_back(given[p.producer[t]]);
    for (const layer_id l : p.consumers[t]) all.push_back(given[l]);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

[[nodiscard]] inline std::vector<double> loads_of_devices(const instance& p, const assignment& given) {
    std::vector<double> load(p.device_count(), 0.0);
    for (layer_id l = 0; l < given.size(); ++l) load[given[l]] += p.compute(l, given[l]);
    for (tensor_id t = 0; t < p.tensor_count(); ++t) {
        const auto sharing = holders(p, given, t);
        if (sharing.size() < 2) continue;
        for (const device_id d : sharing) load[d] += p.tensor_bytes[t] * p.net_seconds_per_byte[d];
    }
    return load;
}

/// Steps that run one after the other: the layers of a device are one, those of an unlimited device one each. Layers
/// without a device (`no_id`) are left out, so that the longest path is a lower bound.
struct step_graph {
    std::vector<std::size_t> step{};                           ///< [layer]
    std::vector<double> seconds{};                             ///< [step] with its shared tensors
    std::vector<std::pair<std::size_t, std::size_t>> edges{};  ///< each once

    step_graph(const instance& p, const assignment& given) {
        std::vector<std::size_t> of_device(p.device_count(), no_id);
        for (layer_id l = 0; l < given.size(); ++l) {
            step.push_back(no_id);
            if (given[l] == no_id) continue;
            std::size_t& known = of_device[given[l]];
            if (is_unlimited(p, given[l]) || known == no_id) known = seconds.size(), seconds.push_back(0.0);
            step.back() = known;
            seconds[known] += p.compute(l, given[l]);
        }
        for (tensor_id t = 0; t < p.tensor_count(); ++t) add(p, given, t);
        std::sort(edges.begin(), edges.end());
        edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    }

  private:
    /// The maker of a tensor that others read pays once, and so does each step that reads it.
    void add(const instance& p, const assignment& given, tensor_id t) {
        const layer_id maker = p.producer[t];
        if (maker == no_id || step[maker] == no_id) return;
        std::vector<std::pair<std::size_t, device_id>> readers;
        for (const layer_id l : p.consumers[t])
            if (step[l] != no_id && step[l] != step[maker]) readers.emplace_back(step[l], given[l]);
        std::sort(readers.begin(), readers.end());
        readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
        if (readers.empty()) return;
        seconds[step[maker]] += p.tensor_bytes[t] * p.net_seconds_per_byte[given[maker]];
        for (const auto& [to, device] : readers) {
            seconds[to] += p.tensor_bytes[t] * p.net_seconds_per_byte[device];
            edges.emplace_back(step[maker], to);
        }
    }
};

/// Length of the longest path, or infinity where steps wait for one another in a circle.
[[nodiscard]] inline double longest_path(const step_graph& g) {
    std::vector<std::vector<std::size_t>> next(g.seconds.size());
    std::vector<std::size_t> waiting(g.seconds.size(), 0), ready;
    for (const auto& [from, to] : g.edges) next[from].push_back(to), ++waiting[to];
    for (std::size_t s = 0; s < waiting.size(); ++s)
        if (waiting[s] == 0) ready.push_back(s);
    std::vector<double> start(g.seconds.size(), 0.0);
    double last = 0.0;
    for (std::size_t i = 0; i < ready.size(); ++i) {
        const double end = start[ready[i]] + g.seconds[ready[i]];
        last = std::max(last, end);
        for (const std::size_t to : next[ready[i]]) {
            start[to] = std::max(start[to], end);
            if (--waiting[to] == 0) ready.push_back(to);
        }
    }
    return ready.size() == g.seconds.size() ? last : std::numeric_limits<double>::infinity();
}

}  // namespace detail

/// What an assignment achieves under `load_model::nets`.
///
/// Load of a device: the seconds of its layers, plus bytes * its `net_seconds_per_byte` for each tensor of which it
/// holds the producer or a reader and another device holds another of them. Throughput: the largest load.
/// Latency: the layers of a device are one step, which starts when all its inputs exist and lasts its computing, what it
/// reads from others (each tensor once) and what it makes for others (each once); on an unlimited device each layer is a
/// step of its own. Memory: the bytes of weights.
/// Errors: invalid_argument (another load model, a device missing or unknown), infeasible (a layer where it may not
/// run, layers apart that belong together, a device too small, too many devices, for latency devices that wait in a circle).
/// O(size of the instance * log).
[[nodiscard]] inline result<assignment_value> evaluate_assignment(const instance& problem,
                                                                  const assignment& given, objective goal) {
    DISPART_CHECK(detail::check_assignment(problem, given));
    assignment_value out;
    DISPART_TRY(out.device_memory, detail::weights_on_devices(problem, given));
    out.device_load = detail::loads_of_devices(problem, given);
    const auto worst = std::max_element(out.device_load.begin(), out.device_load.end());
    out.binding = static_cast<device_id>(worst - out.device_load.begin());
    out.value = *worst;
    if (goal == objective::latency) out.value = detail::longest_path(detail::step_graph(problem, given));
    if (std::isfinite(out.value)) return out;
    return fail(errc::infeasible, "assignment", "devices wait for one another in a circle");
}

/// The period where some devices have replicas that take turns, request by request: a device's load is shared among them.
/// \param taking_turns groups of devices that are alike; the first of each is the one in `given`
/// Errors: those of `evaluate_assignment`; invalid_argument (devices that are not alike, or in two groups, or that have
/// layers of their own, or backward layers, whose weights would have to be kept equal).
[[nodiscard]] inline result<assignment_value>
evaluate_replicated(const instance& problem, const assignment& given,
                    const std::vector<std::vector<device_id>>& taking_turns) {
    DISPART_TRY(auto out, evaluate_assignment(problem, given, objective::throughput));
    if (!taking_turns.empty() &&
        std::find(problem.backward.begin(), problem.backward.end(), 1) != problem.backward.end())
        return fail(errc::invalid_argument, "instance", "layers of a backward pass are not replicated");
    std::vector<bool> taken(problem.device_count(), false);
    for (const device_id d : given) taken[d] = true;
    for (const auto& group : taking_turns) {
        for (std::size_t i = 1; i < group.size(); ++i) {
            const device_id d = group[i], first = group.front();
            if (d >= taken.size() || first >= taken.size() || taken[d] ||
                problem.device_class[d] != problem.device_class[first] ||
                problem.memory_capacity[d] != problem.memory_capacity[first] ||
                problem.net_seconds_per_byte[d] != problem.net_seconds_per_byte[first])
                return fail(errc::invalid_argument, "replicas", "a device is busy, or unlike the others");
            taken[d] = true;
            out.device_memory[d] = out.device_memory[first];
        }
        const double share = out.device_load[group.front()] / static_cast<double>(group.size());
        for (const device_id d : group) out.device_load[d] = share;
    }
    const auto worst = std::max_element(out.device_load.begin(), out.device_load.end());
    out.binding = static_cast<device_id>(worst - out.device_load.begin());
    out.value = *worst;
    return out;
}

}  // namespace dispart
