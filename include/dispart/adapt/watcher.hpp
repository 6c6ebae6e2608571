#pragma once
/// \file
/// Watches a running plan, and says when the machines are no longer what it took them for and another plan is worth its
/// price.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "dispart/adapt/correct.hpp"
#include "dispart/adapt/decide.hpp"
#include "dispart/adapt/drift.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/observe/telemetry.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/simulate/simulate.hpp"

namespace dispart {

struct watch_options {
    double probe_s = 2.0;              ///< of which what was seen is compared with what was predicted
    double migration_s = 2.0;          ///< in which nothing is answered when plans change
    std::size_t requests = 64;         ///< of a prediction's stream
    std::size_t most_events = 20'000;  ///< of the measured timeline
    double same_again =
        0.1;  ///< share of each factor within which a drift that was not worth a change is the same still
    drift_options drift{};
    replan_options replan{};
};

/// One thread uses it. Devices are those of one cluster, whose file names an upper bound of what each has of memory.
class watcher {
  public:
    /// Plans for a cluster some of whose devices may not compute.
    using planner = std::function<result<plan>(const cluster&)>;

    watcher(cluster stated, planner plans, watch_options options = {})
        : stated_(stated)
        , machines_(std::move(stated))
        , planner_(std::move(plans))
        , options_(options)
        , detector_(options.drift) {}

    /// The machines as they are believed to be.
    [[nodiscard]] const cluster& machines() const noexcept { return machines_; }
    /// What was seen of the plan that runs now.
    [[nodiscard]] const telemetry& seen() const noexcept { return all_; }
    /// The beginning of the plan that runs now: a stream of requests as it was predicted, and as it was.
    [[nodiscard]] const timeline& predicted() const noexcept { return predicted_; }
    [[nodiscard]] const timeline& measured() const noexcept { return measured_; }

    /// What runs now, and where: `machines()`, of which some may not compute.
    void running(plan p, cluster where, double now_s) {
        plan_ = std::move(p);
        where_ = std::move(where);
        believed_ = telemetry();
        predicted_ = measured_ = {};
        if (auto played = stream_of(*plan_, {})) predicted_ = std::move(played->trace);
        believed_.observe(predicted_);
        for (device_id d = 0; d < num_vertices(where_); ++d)
            if (where_[d].memory.value > 0.0) believed_.observe_memory(d, where_[d].memory.value);
        all_ = probe_ = telemetry();
        detector_.forget();
        declined_.reset();
        probe_began_s_ = changed_s_ = now_s;
    }

    /// Takes what was seen since the last time.
    /// \param memory [device] bytes that its worker's process may have; 0, or not in it: unknown
    /// \return a reason where the machines are believed to be others now, and a new plan is worth its price
    std::optional<std::string> observe(const timeline& seen, std::span<const double> memory, double now_s) {
        measured_.devices = predicted_.devices;
        timeline known;
        for (event each : seen.events) {
            if (each.device == no_id) each.device = info(machines_).source;  // the coordinator
            if (each.what == activity::transfer && each.peer == no_id) each.peer = info(machines_).sink;
            if (each.device == no_id || (each.what == activity::transfer && each.peer == no_id)) continue;
            known.events.push_back(each);
            if (measured_.events.size() < options_.most_events) measured_.events.push_back(each);
        }
        all_.observe(known);
        probe_.observe(known);
        for (device_id d = 0; d < std::min<std::size_t>(memory.size(), num_vertices(stated_)); ++d)
            if (const double most = stated_[d].memory.value; memory[d] > 0.0 && most > 0.0)
                probe_.observe_memory(d, std::min(memory[d] + stated_[d].reserve.value, most));
        if (!plan_ || now_s - probe_began_s_ < options_.probe_s) return std::nullopt;
        probe_began_s_ = now_s;
        auto reason = judge(now_s);
        probe_ = telemetry();
        return reason;
    }

  private:
    /// A stream through the plan on machines that differ from those that it was made for.
    [[nodiscard]] result<simulation> stream_of(const plan& p, const drift_factors& by) const {
        auto tasks = p.tasks;
        for (task& each : tasks.tasks)
            if (const auto found = by.device.find(each.device); found != by.device.end())
                each.seconds *= found->second;
        return simulate(corrected(network_instance(p), by), tasks,
                        {.requests = options_.requests, .window = 3 * p.stages.size() + 1});
    }

    /// Infinite where it does not work there.
    [[nodiscard]] double period_under(const drift_factors& by) const {
        const cluster there = corrected(where_, by);
        for (const auto& [d, factor] : by.memory)
            if (plan_->devices[d].memory_bytes > (there[d].memory - there[d].reserve).value)
                return std::numeric_limits<double>::infinity();
        const auto played = stream_of(*plan_, by);
        return played && played->completed > 0 ? played->period().value
                                               : std::numeric_limits<double>::infinity();
    }

    std::optional<std::string> judge(double now_s) {
        for (const auto& [d, seen] : probe_.memory()) machines_[d].memory = bytes(seen.value.mean());
        const auto drifted = detector_.probe(compare(believed_, probe_, options_.drift));
        if (!drifted || now_s - changed_s_ < options_.replan.dwell_s) return std::nullopt;
        if (declined_ && says_the_same(*drifted, *declined_, options_.same_again)) return std::nullopt;
        const auto candidate = planner_(corrected(where_, *drifted));
        replan_decision verdict;
        if (candidate)
            verdict = decide({.period_now_s = period_under(*drifted),
                              .period_new_s = candidate->prediction.period_s,
                              .migration_s = options_.migration_s,
                              .since_change_s = now_s - changed_s_},
                             options_.replan);
        if (!verdict.change) {
            declined_ = *drifted;
            return std::nullopt;
        }
        machines_ = corrected(std::move(machines_), {drifted->device, drifted->between, {}});
        return text_of(*drifted) + "; " + verdict.reason;
    }

    [[nodiscard]] std::string text_of(const drift_factors& by) const {
        std::string text;
        const auto add = [&](const std::string& what, double factor, const char* unit) {
            text += (text.empty() ? "" : ", ") + what + std::to_string(factor).substr(0, 5) + unit;
        };
        for (const auto& [d, factor] : by.device)
            add(machines_[d].name + " takes ", factor, " times as long");
        for (const auto& [way, factor] : by.between)
            add(machines_[way.first].name + " to " + machines_[way.second].name + " takes ", factor,
                " times as long");
        for (const auto& [d, factor] : by.memory)
            add(machines_[d].name + " has ", factor, " times as much memory");
        return text;
    }

    cluster stated_;
    cluster machines_;
    planner planner_;
    watch_options options_;
    std::optional<plan> plan_{};
    cluster where_{};
    timeline predicted_{};
    timeline measured_{};
    telemetry believed_{};
    telemetry probe_{};
    telemetry all_{};
    drift_detector detector_;
    std::optional<drift_factors> declined_{};
    double probe_began_s_ = 0.0;
    double changed_s_ = 0.0;
};

}  // namespace dispart
