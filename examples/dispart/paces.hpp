#pragma once
// How quick workers are while they work, seen in short streams of a network whose layers' costs are known.

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/calibration.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/core/units.hpp"
#include "dispart/execution.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/run/processor.hpp"

namespace cli {

// Time of a device's layers relative to what their costs say.
struct pace {
    double together = 1.0;                 // in a stream, while all workers are busy
    double alone = 1.0;                    // of a single request, which meets no other
    double processor_time = 0.0;           // that they take, in a stream
    dispart::processor_share processor{};  // that the worker gets; of less than a core, messages take too
};

// Processor time that a message takes at either end.
struct handling_cost {
    double per_message_s = 0.0;
    double per_byte_s = 0.0;
};

// The same workers in some order, and which of them are alike.
struct worker_order {
    dispart::cluster machines{};
    std::vector<std::size_t> kind{};  // [device] devices of equal kinds have one pace
};

// Divides a network over all workers and runs a short stream of it, as often as asked, each time in the next order: so
// each worker meets most layers, and what is charged to its pace is no property of the layers that it happened to get. A
// pace is the median of those seen; what streams need beyond their stages' computing is charged to all alike.
class pace_trials {
  public:
    // `shares`: [kind] what its devices' workers get. `own_workers`: each order has workers that serve nobody else, so that
    // its division stays with them. `shared_cores`: that all workers and the coordinator have together; 0 where they do
    // not share.
    // Precondition: at least one order; all with the same number of devices.
    pace_trials(dispart::model net, std::vector<worker_order> orders, measured_costs costs,
                execution_options how, std::vector<dispart::processor_share> shares, bool own_workers,
                std::size_t shared_cores)
        : net_(std::move(net))
        , orders_(std::move(orders))
        , costs_(std::move(costs))
        , how_(std::move(how))
        , shares_(std::move(shares))
        , own_workers_(own_workers)
        , shared_cores_(shared_cores) {}

    // One more stream. Errors: those of planning and running.
    dispart::result<void> run();

    // [device of the first order] seen in the last so many trials, or in all if there were fewer
    [[nodiscard]] std::vector<pace> paces(std::size_t last) const;

    // What messages take of workers that get less than a core or share cores, by all trials so far.
    [[nodiscard]] handling_cost handling() const;

    [[nodiscard]] std::size_t shared_cores() const { return shared_cores_; }

    // Whether workers keep their part of the network between trials.
    [[nodiscard]] bool own_workers() const { return own_workers_; }

    // The last stream, and the division that it ran.
    [[nodiscard]] const measured_run& last_run() const { return last_run_; }
    [[nodiscard]] const dispart::plan& last_plan() const {
        return divisions_[(trials_ - 1) % orders_.size()].p;
    }
    // [device of the last order]
    [[nodiscard]] const std::vector<std::size_t>& last_kinds() const {
        return orders_[(trials_ - 1) % orders_.size()].kind;
    }

  private:
    // The network divided over the workers in one order.
    struct division {
        dispart::plan p{};
        std::optional<deployed_plan> workers{};
    };
    // Seconds of stages as measured, and as their costs say.
    struct comparison {
        double measured_s = 0.0;
        double said_s = 0.0;

        void add(double measured, double said) {
            measured_s += measured;
            said_s += said;
        }
        [[nodiscard]] double ratio(double least = 0.2) const;  // 0 where there was no stage
    };
    // Of one trial.
    struct record {
        std::vector<comparison> together{};  // [kind]
        std::vector<comparison> alone{};     // [kind]
        std::vector<comparison> used{};      // [kind] processor time
        double unexplained = 1.0;            // period relative to what its stages' times explain
    };
    // What a worker's processor did for a request besides computing.
    struct handled {
        double messages = 0.0;
        double bytes = 0.0;
        double used_s = 0.0;
    };

    dispart::result<void> divide(std::size_t order);
    [[nodiscard]] dispart::processor_share share_of(dispart::part_id stage) const {
        return shares_[last_kinds()[last_plan().stages[stage].device]];
    }
    dispart::result<double> unexplained() const;
    dispart::result<record> compare() const;
    void note_handling();

    dispart::model net_;
    std::vector<worker_order> orders_;
    measured_costs costs_;
    execution_options how_;
    std::vector<dispart::processor_share> shares_;
    bool own_workers_;
    std::size_t shared_cores_;
    std::vector<division> divisions_{};  // [order]
    std::size_t trials_ = 0;
    std::vector<record> records_{};  // [trial]
    std::vector<handled> handled_{};
    measured_run last_run_{};
};

// What to plan with, and the paces that went into it.
struct paced_costs {
    dispart::cluster machines{};
    measured_costs costs{};
    std::vector<pace> paces{};  // [device]
};

// Devices slowed down by their paces; where one is quicker than its costs say, all costs become smaller, since a
// slowdown is never below 1. `exact`: see `costs_of`.
paced_costs at_paces(dispart::cluster machines, dispart::profile measured, bool exact,
                     std::vector<pace> paces);

// A plan that was made with the paces `then`, with its times at the paces `now`; with what messages take of workers that get
// less than a core. Where workers share cores (`shared_cores` > 0), stages last at least as long as the cores need for all
// that a request takes of them.
dispart::plan repaced(dispart::plan p, const std::vector<pace>& then, const std::vector<pace>& now,
                      const handling_cost& messages, std::size_t shared_cores);

// The latency of a single request, which meets no other, of a plan made with the paces `then`.
dispart::result<dispart::seconds> latency_alone(dispart::plan p, const std::vector<pace>& then,
                                                const std::vector<pace>& now, const handling_cost& messages);

}  // namespace cli
