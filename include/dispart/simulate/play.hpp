#pragma once
/// \file
/// Plays a workload on a platform: discrete events, from a handful of activities to a city's millions.
///
/// A computation is ready when all items before it are over and its time has come; it waits for a processor and for
/// memory of its device, first come, first served. A transfer begins at once; those that meet share links. It is over
/// one latency after its last byte was sent. Computing and sending overlap.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/event.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/simulate/compute_pool.hpp"
#include "dispart/simulate/faults.hpp"
#include "dispart/simulate/flow_network.hpp"
#include "dispart/simulate/platform.hpp"
#include "dispart/simulate/workload.hpp"

namespace dispart {

/// How transfers that meet on a link share it.
enum class link_sharing {
    max_min,  ///< equally, as far as their other links let them; the latency comes after the bytes
    round_trip,  ///< in inverse proportion to their routes' latencies, as TCP's flows do; the latency comes first
    ///< Source: Casanova, Marchal, "A network model for simulation of grid application", INRIA 2002 (CM02)
};

/// Which of the waiting computations a free processor takes.
enum class queue_order {
    fifo,       ///< that which has been ready longest, then the lowest number
    lowest_id,  ///< the lowest number
};

struct play_options {
    link_sharing sharing = link_sharing::max_min;
    double window =
        std::numeric_limits<double>::infinity();  ///< `round_trip`: bytes that a sender has under way
    queue_order order = queue_order::fifo;
    std::vector<fault> faults{};
    bool trace = false;  ///< keep spans; they are most of the memory
};

/// What happened on one device.
struct device_record {
    double busy = 0.0;              ///< seconds of computing, summed over processors
    double waited = 0.0;            ///< integral over time of the number of ready computations that wait
    std::size_t longest_queue = 0;  ///< most of them at a time
    double peak_memory = 0.0;       ///< bytes
    double alive = 0.0;             ///< seconds until the makespan in which it was not dead
};

/// What would happen. Times of what never happens are infinite.
struct playback {
    std::vector<double> ready;  ///< [item] seconds: nothing but the queue is in its way any more
    std::vector<double> begin;  ///< [item] seconds: its last beginning, where a fault made it begin again
    std::vector<double> end;    ///< [item] seconds
    std::vector<device_record> devices;
    std::vector<double> link_bytes;  ///< [link] carried, of transfers that were completed
    std::size_t unfinished = 0;      ///< items that never end, because of faults
    double makespan = 0.0;           ///< seconds: the end of the last that ends
    timeline trace;                  ///< empty unless asked for
};

namespace detail {

/// The state of one run; `play` is its only user.
class workload_player {
    using item_id = std::uint32_t;
    static constexpr double infinity = std::numeric_limits<double>::infinity();

  public:
    workload_player(const platform& on, const workload& work, const play_options& options)
        : on_(on)
        , work_(work)
        , options_(options)
        , after_(work)
        , open_(work.items.size())
        , flows_(on.link_capacity)
        , computing_(on.device_count())
        , faults_(options.faults)
        , queues_(on.device_count()) {
        const std::size_t n = work.items.size();
        out_.ready.assign(n, infinity);
        out_.begin.assign(n, infinity);
        out_.end.assign(n, infinity);
        out_.devices.resize(on.device_count());
        out_.link_bytes.assign(on.link_capacity.size(), 0.0);
        for (device_id d = 0; d < on.device_count(); ++d) queues_[d].processors = on.processors[d];
    }

    result<playback> run() {
        std::vector<item_id> first;
        for (item_id i = 0; i < work_.items.size(); ++i)
            if (after_.waits_for[i] == 0) first.push_back(i);
        for (const item_id i : first) release(i);
        serve_devices();
        while (open_ > 0 && !wrong_) {
            const double to =
                std::min({flows_.next_end(), computing_.next_end(), timers_.next(), faults_.next()});
            if (to == infinity) break;
            advance(to);
            serve_devices();
        }
        if (wrong_) return tl::unexpected<error>(*wrong_);
        return finish();
    }

  private:
    enum class timer_kind : std::uint8_t { ready, send, arrive };
    struct timer {
        double at;
        item_id item;
        timer_kind what;
        friend bool operator>(const timer& a, const timer& b) {
            return a.at > b.at || (a.at == b.at && a.item > b.item);
        }
    };
    struct timer_heap {
        std::vector<timer> items{};
        [[nodiscard]] double next() const { return items.empty() ? infinity : items.front().at; }
        void push(const timer& t) {
            items.push_back(t);
            std::push_heap(items.begin(), items.end(), std::greater<>{});
        }
        timer pop() {
            std::pop_heap(items.begin(), items.end(), std::greater<>{});
            const timer first = items.back();
            items.pop_back();
            return first;
        }
    };
    struct queue {
        std::vector<keyed> waiting{};  // a heap, the next on top
        std::size_t processors = 1;    // free ones
        double memory = 0.0;           // in use
        double counted = 0.0;          // until when `waited` is up to date
        double dead = 0.0;             // seconds, without the present death
        double dead_since = infinity;
        bool touched = false;
    };

    void advance(double to) {
        now_ = to;
        ended_flows_.clear();
        ended_jobs_.clear();
        flows_.advance(to, ended_flows_);
        computing_.advance(to, ended_jobs_);
        for (const flow_id f : ended_flows_) sent(std::exchange(item_of_flow_[f], none));
        for (const item_id i : ended_jobs_) computed(i);
        while (timers_.next() <= to) {
            const timer due = timers_.pop();
            if (due.what == timer_kind::ready) ready(due.item);
            else if (due.what == timer_kind::send) send(due.item);
            else over(due.item);
        }
        while (faults_.next() <= to) strike(faults_.step());
    }

    /// Everything before the item is over.
    void release(item_id i) {
        if (work_.items[i].earliest > now_) timers_.push({work_.items[i].earliest, i, timer_kind::ready});
        else ready(i);
    }

    void ready(item_id i) {
        const work_item& item = work_.items[i];
        out_.ready[i] = now_;
        if (!item.is_transfer()) wait_for_processor(i);
        else if (item.device == item.peer) begin_and_end(i);
        else begin_transfer(i);
    }

    void wait_for_processor(item_id i) {
        const device_id d = work_.items[i].device;
        queue& q = queues_[d];
        count_waiting(d);
        q.waiting.push_back({options_.order == queue_order::fifo ? out_.ready[i] : 0.0, i});
        std::push_heap(q.waiting.begin(), q.waiting.end(), later_first);
        touch(d);
    }
    static bool later_first(const keyed& a, const keyed& b) { return b < a; }

    void touch(device_id d) {
        if (!std::exchange(queues_[d].touched, true)) touched_.push_back(d);
    }

    void count_waiting(device_id d) {
        queue& q = queues_[d];
        out_.devices[d].waited += (now_ - q.counted) * static_cast<double>(q.waiting.size());
        q.counted = now_;
    }

    /// After all that happens at one time, so that the order of simultaneous events does not matter.
    void serve_devices() {
        std::sort(touched_.begin(), touched_.end());
        for (const device_id d : touched_) {
            queues_[d].touched = false;
            serve(d);
        }
        touched_.clear();
    }

    void serve(device_id d) {
        queue& q = queues_[d];
        count_waiting(d);
        while (!q.waiting.empty() && q.processors > 0 && q.dead_since == infinity) {
            const item_id i = q.waiting.front().id;
            const double needed = work_.items[i].memory;
            if (q.memory > 0.0 && q.memory + needed > on_.memory[d]) break;
            std::pop_heap(q.waiting.begin(), q.waiting.end(), later_first);
            q.waiting.pop_back();
            --q.processors;
            q.memory += needed;
            out_.devices[d].peak_memory = std::max(out_.devices[d].peak_memory, q.memory);
            out_.begin[i] = now_;
            computing_.start(i, d, work_.items[i].amount);
        }
        out_.devices[d].longest_queue = std::max(out_.devices[d].longest_queue, q.waiting.size());
    }

    void computed(item_id i) {
        free_processor(i);
        note(i, activity::compute, now_);
        over(i);
    }
    void free_processor(item_id i) {
        const device_id d = work_.items[i].device;
        queue& q = queues_[d];
        ++q.processors;
        const bool idle = q.processors == on_.processors[d];
        q.memory = idle ? 0.0 : q.memory - work_.items[i].memory;  // exactly nothing, whatever was rounded
        touch(d);
    }

    void begin_and_end(item_id i) {
        out_.begin[i] = now_;
        over(i);
    }

    void begin_transfer(item_id i) {
        out_.begin[i] = now_;
        if (options_.sharing == link_sharing::max_min) return send(i);
        on_.route(work_.items[i].device, work_.items[i].peer, route_);
        if (route_.latency == infinity) return no_way(i);
        timers_.push({now_ + route_.latency, i, timer_kind::send});
    }

    void send(item_id i) {
        const work_item& item = work_.items[i];
        if (is_dead(item.device) || is_dead(item.peer)) return broken_.push_back(i);
        on_.route(item.device, item.peer, route_);
        if (route_.latency == infinity) return no_way(i);
        double weight = 1.0;
        if (options_.sharing == link_sharing::round_trip && route_.latency > 0.0) {
            weight = 1.0 / route_.latency;
            route_.limit = std::min(route_.limit, options_.window / (2.0 * route_.latency));
        }
        const flow_id f = flows_.start(route_.links, item.amount, weight, route_.limit);
        if (item_of_flow_.size() <= f) item_of_flow_.resize(f + std::size_t{1});
        item_of_flow_[f] = i;
    }

    void sent(item_id i) {
        const work_item& item = work_.items[i];
        on_.route(item.device, item.peer, route_);
        for (const link_id l : route_.links) out_.link_bytes[l] += item.amount;
        const double arrival = options_.sharing == link_sharing::max_min ? now_ + route_.latency : now_;
        note(i, activity::transfer, arrival);
        if (arrival > now_) timers_.push({arrival, i, timer_kind::arrive});
        else over(i);
    }

    void over(item_id i) {
        out_.end[i] = now_;
        out_.makespan = now_;
        --open_;
        for (std::uint32_t f = after_.offsets[i]; f < after_.offsets[i + 1]; ++f)
            if (--after_.waits_for[after_.items[f]] == 0) release(after_.items[f]);
    }

    void note(item_id i, activity what, double end) {
        if (!options_.trace) return;
        const work_item& item = work_.items[i];
        out_.trace.events.push_back({what, item.request, item.part, item.device, item.peer,
                                     seconds(out_.begin[i]), seconds(end),
                                     bytes(item.is_transfer() ? item.amount : 0.0)});
    }

    // --- faults

    [[nodiscard]] bool is_dead(device_id d) const { return queues_[d].dead_since < infinity; }

    void strike(const fault& f) {
        if (f.what == fault_kind::degrades)
            return flows_.set_capacity(f.target,
                                       on_.link_capacity[f.target] * faults_.capacity_factor(f.target));
        const bool alive = faults_.alive(f.target);
        if (!alive && !is_dead(f.target)) die(f.target);
        else if (alive && is_dead(f.target)) return_to_life(f.target);
        computing_.set_speed(f.target, faults_.speed(f.target));
    }

    void die(device_id d) {
        queues_[d].dead_since = now_;
        count_waiting(d);
        const auto lost = computing_.running_on(d);
        for (const item_id i : lost) {
            note(i, activity::compute, now_);
            computing_.stop(i);
            free_processor(i);
            wait_for_processor(i);
        }
        for (flow_id f = 0; f < item_of_flow_.size(); ++f) {
            const item_id i = item_of_flow_[f];
            if (i == none || (work_.items[i].device != d && work_.items[i].peer != d)) continue;
            flows_.stop(f);
            item_of_flow_[f] = none;
            broken_.push_back(i);
        }
    }

    void return_to_life(device_id d) {
        queues_[d].dead += now_ - queues_[d].dead_since;
        queues_[d].dead_since = infinity;
        touch(d);
        auto again = std::exchange(broken_, {});
        std::sort(again.begin(), again.end());
        for (const item_id i : again) begin_transfer(i);
    }

    void no_way(item_id i) {
        const auto name = [&](device_id d) {
            return d < on_.names.size() ? on_.names[d] : "device " + std::to_string(d);
        };
        if (wrong_) return;
        wrong_ = error{errc::infeasible,
                       name(work_.items[i].device) + " -> " + name(work_.items[i].peer),
                       "there is no route for item " + std::to_string(i),
                       {}};
    }

    result<playback> finish() {
        for (device_id d = 0; d < on_.device_count(); ++d) {
            count_waiting(d);
            device_record& record = out_.devices[d];
            record.busy = computing_.busy(d);
            const double dead = queues_[d].dead + (is_dead(d) ? now_ - queues_[d].dead_since : 0.0);
            record.alive = std::max(0.0, out_.makespan - dead);
        }
        out_.unfinished = open_;
        out_.trace.devices = on_.names;
        std::stable_sort(out_.trace.events.begin(), out_.trace.events.end(),
                         [](const event& a, const event& b) { return a.begin < b.begin; });
        return std::move(out_);
    }

    static constexpr item_id none = ~item_id{0};

    const platform& on_;
    const workload& work_;
    const play_options& options_;
    followers after_;
    std::size_t open_;
    flow_network flows_;
    compute_pool computing_;
    fault_clock faults_;
    timer_heap timers_;
    std::vector<queue> queues_;          // [device]
    std::vector<device_id> touched_;     // devices whose queues may move
    std::vector<item_id> item_of_flow_;  // [flow] none: not under way
    std::vector<item_id> broken_;        // transfers that a dead device keeps from going on
    std::vector<flow_id> ended_flows_;
    std::vector<compute_pool::job_id> ended_jobs_;
    simulated_route route_;
    std::optional<error> wrong_;
    double now_ = 0.0;
    playback out_;
};

}  // namespace detail

/// Plays a workload and says when each item was ready, began and ended, and what devices and links did.
///
/// Deterministic. Errors: those of the two `validate` and of `validate_faults`; infeasible (no route for a transfer, by
/// the names of its devices). Items that a fault keeps from ending are no error but counted.
/// O((items + order) log items), plus what sharing the links costs (see `flow_network`).
[[nodiscard]] inline result<playback> play(const platform& on, const workload& work,
                                           const play_options& options = {}) {
    DISPART_CHECK(validate(on));
    DISPART_CHECK(validate(work, on));
    DISPART_CHECK(validate_faults(options.faults, on.device_count(), on.link_capacity.size()));
    if (!(options.window > 0.0)) return fail(errc::invalid_argument, "window", "it must be positive");
    return detail::workload_player(on, work, options).run();
}

}  // namespace dispart
