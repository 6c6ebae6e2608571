#pragma once
/// \file
/// Links that carry one message at a time: schedules of tasks and of messages.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/csr.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/schedule/detail/calendar.hpp"
#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/detail/timetable.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"
#include "dispart/schedule/validate.hpp"

namespace dispart {

/// Which links a message between two devices occupies, all of them for bytes * seconds per byte of the pair; it arrives
/// one latency later.
struct link_table {
    std::size_t links = 0;
    csr routes{};  ///< from * devices + to -> links, each once
};

/// When a message occupies its links; of one that stays on its device nothing.
struct scheduled_message {
    double begin = 0.0;
    double end = 0.0;
};

/// Tasks, and messages in the order of the problem's `tables().dependencies`.
struct contention_schedule {
    schedule tasks{};
    std::vector<scheduled_message> messages{};

    [[nodiscard]] double makespan() const noexcept { return tasks.makespan(); }
};

namespace detail {

[[nodiscard]] inline result<void> check_links(const schedule_problem& problem, const link_table& network) {
    if (network.routes.size() != problem.device_count() * problem.device_count())
        return fail(errc::invalid_argument, "routes", "there must be one for each ordered pair of devices");
    for (std::size_t pair = 0; pair < network.routes.size(); ++pair)
        for (const std::size_t l : network.routes[pair])
            if (l >= network.links) return fail(errc::invalid_argument, "routes", "there is no such link");
    return {};
}

class contention_table {
  public:
    contention_table(const schedule_problem& problem, const link_table& network)
        : problem_(problem)
        , network_(network)
        , inputs_(problem.task_count())
        , device_(problem.device_count())
        , link_(network.links) {
        const auto& all = problem.tables().dependencies;
        for (std::size_t i = 0; i < all.size(); ++i) inputs_[all[i].to].push_back(i);
        made_.tasks.tasks.resize(problem.task_count());
        made_.messages.resize(all.size());
    }

    /// What putting a task on a device means: its messages, by finish of their senders, and its own time.
    struct trial {
        scheduled_task own{no_id, 0.0, never};
        std::vector<std::pair<std::size_t, scheduled_message>> messages{};
    };
    [[nodiscard]] trial try_on(task_id t, device_id d) const {
        trial made;
        if (!problem_.is_allowed(t, d)) return made;
        const auto& all = problem_.tables().dependencies;
        auto line = inputs_[t];
        std::stable_sort(line.begin(), line.end(), [&](std::size_t a, std::size_t b) {
            return made_.tasks.tasks[all[a].from].finish < made_.tasks.tasks[all[b].from].finish;
        });
        double ready = problem_.release(t);
        std::vector<std::pair<std::size_t, calendar>> touched;  // links with the messages of this trial
        for (const std::size_t i : line) {
            const scheduled_task& from = made_.tasks.tasks[all[i].from];
            const double latency = problem_.latency(from.device)[d];
            if (from.device == d) {
                ready = std::max(ready, from.finish);
                continue;
            }
            if (!(latency < never)) return {};
            const double duration = problem_.seconds_per_byte(from.device)[d] * all[i].bytes;
            const auto way = network_.routes[from.device * device_.size() + d];
            const double begin = free_way(way, from.finish, duration, touched);
            for (const std::size_t l : way) own_copy(l, touched).enter(begin, begin + duration);
            made.messages.emplace_back(i, scheduled_message{begin, begin + duration});
            ready = std::max(ready, begin + duration + latency);
        }
        const double start = device_[d].earliest(ready, problem_.seconds(t, d));
        made.own = {d, start, start + problem_.seconds(t, d)};
        return made;
    }

    void place(task_id t, const trial& chosen) {
        made_.tasks.tasks[t] = chosen.own;
        device_[chosen.own.device].enter(chosen.own.start, chosen.own.finish);
        for (const std::size_t i : inputs_[t]) {
            const double sent = made_.tasks.tasks[problem_.tables().dependencies[i].from].finish;
            made_.messages[i] = {sent, sent};
        }
        for (const auto& [i, m] : chosen.messages) {
            made_.messages[i] = m;
            const device_id from = made_.tasks.tasks[problem_.tables().dependencies[i].from].device;
            for (const std::size_t l : network_.routes[from * device_.size() + chosen.own.device])
                link_[l].enter(m.begin, m.end);
        }
    }
    [[nodiscard]] contention_schedule take() && { return std::move(made_); }

  private:
    using copies = std::vector<std::pair<std::size_t, calendar>>;

    [[nodiscard]] const calendar& with(std::size_t l, const copies& touched) const {
        for (const auto& [link, busy] : touched)
            if (link == l) return busy;
        return link_[l];
    }
    [[nodiscard]] calendar& own_copy(std::size_t l, copies& touched) const {
        for (auto& [link, busy] : touched)
            if (link == l) return busy;
        touched.emplace_back(l, link_[l]);
        return touched.back().second;
    }
    /// The first time at which all links of a way are free for so long.
    [[nodiscard]] double free_way(std::span<const std::size_t> way, double from, double duration,
                                  const copies& touched) const {
        for (double at = from;;) {
            double next = at;
            for (const std::size_t l : way) next = std::max(next, with(l, touched).earliest(next, duration));
            if (next == at) return at;
            at = next;
        }
    }

    const schedule_problem& problem_;
    const link_table& network_;
    std::vector<std::vector<std::size_t>> inputs_;  // [task] dependencies
    std::vector<calendar> device_, link_;
    contention_schedule made_{};
};

}  // namespace detail

/// Whether tasks and messages can be executed: what `validate_timing` asks, and messages that begin after their sender,
/// last bytes * seconds per byte, arrive in time and never share a link. Times may be off by 1e-9 of the length.
/// Errors: invalid_argument, with the first task that breaks a rule (of a message: its reader).
/// O((tasks + dependencies * route) log).
[[nodiscard]] inline result<void> validate_contention(const schedule_problem& problem,
                                                      const link_table& network,
                                                      const contention_schedule& given) {
    DISPART_CHECK(detail::check_links(problem, network));
    DISPART_CHECK(validate_timing(problem, given.tasks));
    const auto& all = problem.tables().dependencies;
    if (given.messages.size() != all.size())
        return fail(errc::invalid_argument, "schedule", "it has another number of messages");
    const double tolerance = detail::time_tolerance(given.tasks);
    std::vector<std::vector<std::size_t>> on_link(network.links);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto& [begin, end] = given.messages[i];
        const scheduled_task &from = given.tasks.tasks[all[i].from], &to = given.tasks.tasks[all[i].to];
        if (from.device == to.device) continue;
        const double duration = problem.seconds_per_byte(from.device)[to.device] * all[i].bytes;
        const double arrival = end + problem.latency(from.device)[to.device];
        if (!(begin >= from.finish - tolerance) || !(std::abs(end - begin - duration) <= tolerance) ||
            !(arrival <= to.start + tolerance))
            return fail(errc::invalid_argument, problem.task_label(all[i].to),
                        "its message from " + problem.task_label(all[i].from) + " has no time to travel");
        if (duration > tolerance)
            for (const std::size_t l : network.routes[from.device * problem.device_count() + to.device])
                on_link[l].push_back(i);
    }
    for (auto& row : on_link) {
        std::sort(row.begin(), row.end(), [&](std::size_t a, std::size_t b) {
            return given.messages[a].begin < given.messages[b].begin;
        });
        for (std::size_t i = 1; i < row.size(); ++i)
            if (given.messages[row[i]].begin < given.messages[row[i - 1]].end - tolerance)
                return fail(errc::invalid_argument, problem.task_label(all[row[i]].to),
                            "its message shares a link with another");
    }
    return {};
}

/// A schedule where a link carries one message at a time: tasks by falling upward rank, each where it finishes first when
/// its messages, by finish of their senders, take the first gaps that are free on all links of their routes.
///
/// Errors: invalid_argument (routes that do not fit), infeasible (no device has routes from all inputs of some task).
/// Heuristic. O(tasks * devices * inputs * route * messages of a link). Source: Sinnen, Sousa, "Communication contention
/// in task scheduling", IEEE TPDS 16(6), 2005; circuits instead of store-and-forward.
[[nodiscard]] inline result<contention_schedule> schedule_with_contention(const schedule_problem& problem,
                                                                          const link_table& network) {
    DISPART_CHECK(detail::check_links(problem, network));
    const auto rank =
        detail::upward_ranks(problem, detail::mean_seconds(problem), detail::mean_over_pairs(problem));
    detail::contention_table table(problem, network);
    for (const task_id t : detail::by_priority(problem, rank)) {
        detail::contention_table::trial best;
        for (device_id d = 0; d < problem.device_count(); ++d)
            if (auto made = table.try_on(t, d); made.own.finish < best.own.finish) best = std::move(made);
        if (best.own.device == no_id)
            return fail(errc::infeasible, problem.task_label(t),
                        "no device may run the task and be reached from where its inputs are made");
        table.place(t, best);
    }
    return std::move(table).take();
}

}  // namespace dispart
