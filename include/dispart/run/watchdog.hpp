#pragma once
/// \file
/// Says which edge or stage a deployment is stuck in, from what stages and edges have done so far.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/clock.hpp"
#include "dispart/run/deployment.hpp"
#include "dispart/run/report.hpp"

namespace dispart {

/// Settings of a `watchdog`.
struct watchdog_options {
    seconds edge_within{
        1.0};  ///< that a message may take once its stage has made it and the next one waits for it
    seconds stage_within{30.0};  ///< that a stage may take for a request once all its inputs are there
};

/// What is stuck.
struct stuck_place {
    std::size_t edge = no_id;   ///< of the deployment, or no_id
    part_id stage = no_id;      ///< where no edge is: the stage that computes
    std::string from{};         ///< device; empty: the coordinator
    std::string to{};           ///< device; empty: the coordinator
    std::uint64_t request = 0;  ///< number within the deployment

    [[nodiscard]] error to_error() const {
        const auto name = [](const std::string& device) {
            return device.empty() ? "the coordinator" : device;
        };
        if (edge == no_id)
            return {
                errc::timeout, to, "request " + std::to_string(request) + " is stuck in the stage there", {}};
        return {errc::timeout,
                to.empty() ? from : to,
                "request " + std::to_string(request) + " is stuck on edge " + std::to_string(edge) +
                    " from " + name(from) + " to " + name(to),
                {}};
    }
};

/// Follows the progress of one deployment.
class watchdog {
  public:
    /// The deployment must outlive it.
    explicit watchdog(const deployment& plan, watchdog_options options = {})
        : plan_(&plan)
        , options_(options)
        , edge_since_(plan.edges.size())
        , stage_since_(plan.stages.size()) {
        for (const deployed_stage& each : plan.stages) computed_.push_back(each.turn);
        for (const stage_edge& each : plan.edges) received_.push_back(plan.turn_of(each));
    }

    /// Takes note of spans, as `coordinator::take_spans` gives them.
    void observe(std::span<const detail::placed_spans> places) {
        for (const auto& place : places)
            for (const span_record& span : place.spans) {
                if (span.what == span_kind::compute && place.stage != no_id)
                    computed_[place.stage] = std::max(computed_[place.stage], span.request + plan_->turns);
                if (span.what == span_kind::received && span.edge < received_.size())
                    received_[span.edge] = std::max(received_[span.edge], span.request + plan_->turns);
            }
    }

    /// What has been stuck for too long, if anything; of several, the first in the order of edges, then of stages.
    /// \param pushed requests handed to the deployment \param collected of those, answered
    [[nodiscard]] std::optional<stuck_place> check(std::uint64_t pushed, std::uint64_t collected) {
        for (std::size_t e = 0; e < plan_->edges.size(); ++e)
            if (plan_->edges[e].from != no_id || plan_->edges[e].to != no_id)
                if (lasts(edge_since_[e], waits_for(e, pushed, collected), received_[e], options_.edge_within))
                    return stuck_place{e, no_id, name(plan_->edges[e].from), name(plan_->edges[e].to),
                                       received_[e]};
        for (part_id s = 0; s < plan_->stages.size(); ++s)
            if (lasts(stage_since_[s], ready_inputs(s) > computed_[s], computed_[s], options_.stage_within))
                return stuck_place{no_id, s, name(s), name(s), computed_[s]};
        return std::nullopt;
    }

  private:
    /// Since when a condition has held for one and the same request.
    struct since {
        bool holds = false;
        std::uint64_t request = 0;
        deadline begin{};
    };

    static bool lasts(since& it, bool holds, std::uint64_t request, seconds limit) {
        if (!holds || !it.holds || it.request != request) it = {holds, request, clock_now()};
        return holds && clock_now() - it.begin > deadline_in(limit) - clock_now();
    }

    /// Whether the origin has made a message that the destination, which has nothing else to do, has not got.
    [[nodiscard]] bool waits_for(std::size_t e, std::uint64_t pushed, std::uint64_t collected) const {
        const stage_edge& edge = plan_->edges[e];
        const std::uint64_t made = edge.from == no_id ? pushed : computed_[edge.from];
        const std::uint64_t used = edge.to == no_id ? collected : computed_[edge.to];
        return made > received_[e] && used >= received_[e];
    }

    [[nodiscard]] std::uint64_t ready_inputs(part_id s) const {
        std::uint64_t ready = ~std::uint64_t{0};
        for (std::size_t e = 0; e < plan_->edges.size(); ++e)
            if (plan_->edges[e].to == s) ready = std::min(ready, received_[e]);
        return ready;
    }

    [[nodiscard]] std::string name(part_id s) const {
        return s == no_id ? std::string() : plan_->hosts[plan_->stages[s].device].name;
    }

    const deployment* plan_;
    watchdog_options options_;
    std::vector<std::uint64_t> computed_{};  ///< [stage] the request that is due
    std::vector<std::uint64_t> received_{};  ///< [edge] the request that is due
    std::vector<since> edge_since_;
    std::vector<since> stage_since_;
};

}  // namespace dispart
