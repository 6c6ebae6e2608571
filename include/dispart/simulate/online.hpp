#pragma once
/// \file
/// Requests that arrive while others are served: who goes next, in which batch, and who is refused.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"

namespace dispart {

/// Who goes next of those that wait; ties by arrival.
enum class serving_order { first_come, earliest_deadline, shortest_work };

/// A request for one of several models.
struct online_request {
    double arrival = 0.0;                                       ///< seconds; requests are in this order
    double deadline = std::numeric_limits<double>::infinity();  ///< seconds, absolute
    std::size_t kind = 0;                                       ///< which model
};

/// How long devices serve: `fixed + count * each` seconds for a batch of one kind.
struct service_times {
    std::size_t kinds = 0;
    std::size_t devices = 0;
    std::vector<double> fixed{};  ///< [kind * devices + device]; empty: 0
    std::vector<double> each{};   ///< [kind * devices + device]; infinite: not there

    [[nodiscard]] double operator()(std::size_t kind, device_id d, std::size_t count) const noexcept {
        const std::size_t i = kind * devices + d;
        return (fixed.empty() ? 0.0 : fixed[i]) + static_cast<double>(count) * each[i];
    }
};

struct online_options {
    serving_order order = serving_order::first_come;
    std::size_t batch = 1;   ///< at most so many requests of one kind are served together
    bool admission = false;  ///< refuse a request that would be late or make one that is admitted late
};

/// What became of each request.
struct online_outcome {
    std::vector<device_id> device{};  ///< [request] `no_id`: refused
    std::vector<double> start{};      ///< [request] seconds; infinite: refused
    std::vector<double> finish{};     ///< [request] seconds; infinite: refused
    std::vector<double> busy{};       ///< [device] seconds
    std::size_t refused = 0;
    std::size_t late = 0;  ///< served after their deadline
};

namespace detail {

/// Devices and those who wait for them, at one moment; a copy plays what would come of it.
class serving_room {
  public:
    serving_room(std::span<const online_request> requests, const service_times& times,
                 const online_options& options)
        : requests_(requests)
        , times_(&times)
        , options_(options)
        , free_at_(times.devices, 0.0) {}

    void enter(std::size_t request) { waiting_.push_back(request); }

    /// Starts all that start before `until`, and calls `served(request, device, start, finish)`.
    template <class Served>
    void serve(double until, Served served) {
        while (now_ < until && !waiting_.empty()) {
            if (start_batch(served)) continue;
            double next = until;
            for (const double at : free_at_)
                if (at > now_) next = std::min(next, at);
            now_ = next;
        }
        if (std::isfinite(until)) now_ = std::max(now_, until);
    }

  private:
    /// The idle device that serves a kind fastest; `no_id`: none can.
    [[nodiscard]] device_id idle_for(std::size_t kind) const {
        device_id best = no_id;
        double least = std::numeric_limits<double>::infinity();
        for (device_id d = 0; d < free_at_.size(); ++d)
            if (const double s = (*times_)(kind, d, 1); free_at_[d] <= now_ && s < least) least = s, best = d;
        return best;
    }
    [[nodiscard]] double key(std::size_t r) const {
        const online_request& of = requests_[r];
        if (options_.order == serving_order::earliest_deadline) return of.deadline;
        if (options_.order == serving_order::first_come) return 0.0;
        double least = std::numeric_limits<double>::infinity();
        for (device_id d = 0; d < free_at_.size(); ++d) least = std::min(least, (*times_)(of.kind, d, 1));
        return least;
    }

    template <class Served>
    bool start_batch(Served& served) {
        std::sort(waiting_.begin(), waiting_.end(),
                  [&](std::size_t a, std::size_t b) { return std::pair(key(a), a) < std::pair(key(b), b); });
        const auto first = std::find_if(waiting_.begin(), waiting_.end(),
                                        [&](std::size_t r) { return idle_for(requests_[r].kind) != no_id; });
        if (first == waiting_.end()) return false;
        const std::size_t kind = requests_[*first].kind;
        const device_id d = idle_for(kind);
        std::vector<std::size_t> batch, rest;
        for (const std::size_t r : waiting_)
            (requests_[r].kind == kind && batch.size() < options_.batch ? batch : rest).push_back(r);
        waiting_ = std::move(rest);
        const double finish = now_ + (*times_)(kind, d, batch.size());
        free_at_[d] = finish;
        for (const std::size_t r : batch) served(r, d, now_, finish);
        return true;
    }

    std::span<const online_request> requests_;
    const service_times* times_;
    online_options options_;
    std::vector<double> free_at_;
    std::vector<std::size_t> waiting_{};
    double now_ = 0.0;
};

[[nodiscard]] inline result<void> check_service(std::span<const online_request> requests,
                                                const service_times& times, const online_options& options) {
    const std::size_t size = times.kinds * times.devices;
    if (size == 0 || times.each.size() != size || (!times.fixed.empty() && times.fixed.size() != size) ||
        options.batch == 0)
        return fail(errc::invalid_argument, "service times",
                    "kinds, devices and batch must be positive, with one entry per kind and device");
    for (std::size_t i = 0; i < size; ++i)
        if (!(times.each[i] >= 0.0) || (!times.fixed.empty() && !(times.fixed[i] >= 0.0)))
            return fail(errc::invalid_argument, "service times", "one is negative or not a number");
    for (std::size_t k = 0; k < times.kinds; ++k) {
        bool served = false;
        for (device_id d = 0; d < times.devices; ++d) served = served || std::isfinite(times(k, d, 1));
        if (!served) return fail(errc::infeasible, "kind " + std::to_string(k), "no device serves it");
    }
    double before = 0.0;
    for (std::size_t r = 0; r < requests.size(); ++r) {
        const online_request& of = requests[r];
        if (!(of.arrival >= before) || !std::isfinite(of.arrival) || std::isnan(of.deadline) ||
            of.kind >= times.kinds)
            return fail(errc::invalid_argument, "request " + std::to_string(r),
                        "arrivals must ascend and be finite, and its kind must exist");
        before = of.arrival;
    }
    return {};
}

}  // namespace detail

/// Serves requests as they come. Whenever a device is idle and someone waits whom it can serve, the next by the order
/// starts, on the idle device that serves it fastest, with up to `batch - 1` others of its kind.
///
/// With admission, an arriving request is let in if, with all who wait served as now foreseen, it and they finish by their
/// deadlines; no one who was let in is ever late.
/// Errors: invalid_argument (sizes, numbers, arrivals that do not ascend), infeasible (a kind that no device serves).
/// O(requests * (waiting log + devices)), with admission times those who wait.
/// Sources: Liu, Layland, "Scheduling algorithms for multiprogramming in a hard-real-time environment", J. ACM 20(1), 1973
/// (earliest deadline); Schrage, "A proof of the optimality of the shortest remaining processing time discipline",
/// Operations Research 16(3), 1968 (shortest work, here without interruption).
[[nodiscard]] inline result<online_outcome> serve_online(std::span<const online_request> requests,
                                                         const service_times& times,
                                                         const online_options& options = {}) {
    DISPART_CHECK(detail::check_service(requests, times, options));
    constexpr double infinity = std::numeric_limits<double>::infinity();
    online_outcome out;
    out.device.assign(requests.size(), no_id);
    out.start.assign(requests.size(), infinity);
    out.finish.assign(requests.size(), infinity);
    out.busy.assign(times.devices, 0.0);
    std::vector<double> last(times.devices, 0.0);  // end of the last batch: its time counts once
    const auto served = [&](std::size_t r, device_id d, double start, double finish) {
        out.device[r] = d;
        out.start[r] = start;
        out.finish[r] = finish;
        out.late += finish > requests[r].deadline ? 1 : 0;
        if (start >= last[d]) out.busy[d] += finish - start, last[d] = finish;
    };
    detail::serving_room room(requests, times, options);
    for (std::size_t r = 0; r < requests.size(); ++r) {
        room.serve(requests[r].arrival, served);
        if (options.admission) {
            detail::serving_room foreseen = room;
            bool in_time = true;
            foreseen.enter(r);
            foreseen.serve(infinity, [&](std::size_t each, device_id, double, double finish) {
                in_time = in_time && finish <= requests[each].deadline;
            });
            if (!in_time) {
                ++out.refused;
                continue;
            }
        }
        room.enter(r);
    }
    room.serve(infinity, served);
    return out;
}

}  // namespace dispart
