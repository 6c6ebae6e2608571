#pragma once
// Watches a running plan, and says when the machines are no longer what it took them for.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dispart/adapt/decide.hpp"
#include "dispart/adapt/drift.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/io/prometheus.hpp"
#include "dispart/observe/telemetry.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/planning.hpp"

namespace cli {

// Plans over a cluster, some of whose devices do not compute any more.
using cluster_planner = std::function<dispart::result<planned>(const dispart::cluster&)>;

// One thread uses it.
class watcher {
  public:
    watcher(dispart::cluster believed, cluster_planner planner)
        : machines_(std::move(believed))
        , planner_(std::move(planner)) {}

    // The machines as they are believed to be.
    [[nodiscard]] const dispart::cluster& machines() const { return machines_; }
    // What runs now, and where: a cluster whose devices are those of `machines()`, some not computing.
    void running(dispart::plan p, dispart::cluster where, double now_s);
    // Takes spans. Returns a reason where the machines are believed to be others now, and a new plan is worth its price.
    std::optional<std::string> observe(const dispart::timeline& seen, double now_s);
    // What was seen of the plan that runs now.
    [[nodiscard]] std::vector<dispart::io::metric_family> metrics() const;
    // The beginning of the plan that runs now: a stream of requests as it was predicted, and as it was.
    [[nodiscard]] const dispart::timeline& predicted() const { return predicted_; }
    [[nodiscard]] const dispart::timeline& measured() const { return measured_; }

  private:
    static constexpr double probe_s = 2.0;
    static constexpr std::size_t most_events = 20'000;  // of the timelines

    std::optional<std::string> judge(double now_s);

    dispart::cluster machines_;
    cluster_planner planner_;
    std::optional<dispart::plan> plan_{};
    dispart::cluster where_{};
    dispart::timeline predicted_{};
    dispart::timeline measured_{};
    dispart::telemetry believed_{};
    dispart::telemetry probe_{};
    dispart::telemetry all_{};
    dispart::drift_detector detector_{};
    double probe_began_s_ = 0.0;
    double changed_s_ = 0.0;
};

}  // namespace cli
