#pragma once
/// \file
/// The one dense problem that every scheduler, bound and validator of this room reads: tasks on unequal devices, with
/// transfers between them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"

namespace dispart {

/// `to` reads `bytes` that `from` makes, and starts after they have arrived.
struct dependency {
    task_id from = no_id;
    task_id to = no_id;
    double bytes = 0.0;
};

/// What tasks keep in a device's memory, in bytes; an empty vector means nothing (or, of capacities, no limit).
struct schedule_memory {
    std::vector<double> resident{};  ///< [task] on the task's device, always: weights
    std::vector<double> working{};   ///< [task] on the task's device while it runs: workspace
    /// [task] its result: on its device from its start until its last reader has it, and on each other device that reads
    /// it from its sending until the end of the last reader there
    std::vector<double> output{};
    std::vector<double> capacity{};  ///< [device]; infinite: no limit
};

/// A scheduling problem as tables; `schedule_problem::make` checks it. Times are seconds.
struct schedule_tables {
    std::size_t tasks = 0;
    std::size_t devices = 0;
    std::vector<double> seconds{};  ///< [task * devices + device] duration; infinite: not allowed there
    std::vector<dependency> dependencies{};
    std::vector<double> latency{};  ///< [from * devices + to]; infinite: no route; the diagonal is not read
    std::vector<double> seconds_per_byte{};   ///< [from * devices + to]; the diagonal is not read
    std::vector<double> release{};            ///< [task] earliest start; empty: 0
    schedule_memory memory{};                 ///< checked by `validate`, obeyed by the schedulers that say so
    std::vector<std::string> task_names{};    ///< for messages and pictures; may be empty
    std::vector<std::string> device_names{};  ///< for messages and pictures; may be empty
};

/// One end of a dependency as the other end sees it.
struct neighbour {
    task_id task = no_id;
    double bytes = 0.0;
};

namespace detail {

/// Rows of neighbours: those of task t are `items[offsets[t] .. offsets[t + 1])`, by ascending task.
struct neighbour_rows {
    std::vector<std::size_t> offsets{};
    std::vector<neighbour> items{};

    [[nodiscard]] std::span<const neighbour> operator[](task_id t) const noexcept {
        return {items.data() + offsets[t], offsets[t + 1] - offsets[t]};
    }
};

/// Groups dependencies by `key(d)` and stores `(value(d), bytes)`; stable counting sort, O(tasks + dependencies).
template <class Key, class Value>
[[nodiscard]] neighbour_rows group(std::size_t tasks, const std::vector<dependency>& all, Key key,
                                   Value value) {
    neighbour_rows rows;
    rows.offsets.assign(tasks + 1, 0);
    rows.items.resize(all.size());
    for (const dependency& d : all) ++rows.offsets[key(d) + 1];
    for (task_id t = 0; t < tasks; ++t) rows.offsets[t + 1] += rows.offsets[t];
    std::vector<std::size_t> next(rows.offsets.begin(), rows.offsets.end() - 1);
    for (const dependency& d : all) rows.items[next[key(d)]++] = {value(d), d.bytes};
    return rows;
}

}  // namespace detail

/// Tasks with durations per device, dependencies with bytes, transfers per device pair; checked, with both directions
/// of the graph and a topological order. A transfer takes latency + bytes * seconds per byte between devices, nothing
/// on one device, and occupies nothing.
class schedule_problem {
  public:
    /// Checks and indexes the tables. Dependencies that occur twice are kept both.
    /// Errors: invalid_argument (sizes that do not fit; negative or NaN numbers; unknown tasks; a cycle), infeasible (a
    /// task that no device may run). O(tasks * devices + devices^2 + dependencies log dependencies).
    [[nodiscard]] static result<schedule_problem> make(schedule_tables tables) {
        DISPART_CHECK(check_numbers(tables));
        schedule_problem made(std::move(tables));
        if (made.order_.size() < made.task_count()) return made.cycle_error();
        return made;
    }

    [[nodiscard]] std::size_t task_count() const noexcept { return tables_.tasks; }
    [[nodiscard]] std::size_t device_count() const noexcept { return tables_.devices; }
    /// Duration of a task on a device; infinite where it is not allowed.
    [[nodiscard]] double seconds(task_id t, device_id d) const noexcept {
        return tables_.seconds[t * tables_.devices + d];
    }
    /// Durations of a task on all devices.
    [[nodiscard]] std::span<const double> seconds(task_id t) const noexcept {
        return {tables_.seconds.data() + t * tables_.devices, tables_.devices};
    }
    [[nodiscard]] bool is_allowed(task_id t, device_id d) const noexcept {
        return seconds(t, d) < std::numeric_limits<double>::infinity();
    }
    /// Seconds from the end of the sender to the arrival; 0 on one device.
    [[nodiscard]] double transfer(device_id from, device_id to, double size) const noexcept {
        const std::size_t pair = from * tables_.devices + to;
        return tables_.latency[pair] + tables_.seconds_per_byte[pair] * size;
    }
    /// [to] latency from a device to every other.
    [[nodiscard]] std::span<const double> latency(device_id from) const noexcept {
        return {tables_.latency.data() + from * tables_.devices, tables_.devices};
    }
    /// [to] seconds per byte from a device to every other.
    [[nodiscard]] std::span<const double> seconds_per_byte(device_id from) const noexcept {
        return {tables_.seconds_per_byte.data() + from * tables_.devices, tables_.devices};
    }
    /// Tasks that `t` reads from, ascending.
    [[nodiscard]] std::span<const neighbour> inputs(task_id t) const noexcept { return inputs_[t]; }
    /// Tasks that read from `t`, ascending.
    [[nodiscard]] std::span<const neighbour> outputs(task_id t) const noexcept { return outputs_[t]; }
    /// Tasks in a topological order, level by level: Kahn's, first come first served, sources ascending.
    [[nodiscard]] const std::vector<task_id>& topological_order() const noexcept { return order_; }
    [[nodiscard]] double release(task_id t) const noexcept {
        return tables_.release.empty() ? 0.0 : tables_.release[t];
    }
    [[nodiscard]] const schedule_tables& tables() const noexcept { return tables_; }

    [[nodiscard]] std::string task_label(task_id t) const {
        return t < tables_.task_names.size() ? tables_.task_names[t] : "task " + std::to_string(t);
    }
    [[nodiscard]] std::string device_label(device_id d) const {
        return d < tables_.device_names.size() ? tables_.device_names[d] : "device " + std::to_string(d);
    }

  private:
    explicit schedule_problem(schedule_tables tables) : tables_(std::move(tables)) {
        for (device_id d = 0; d < tables_.devices; ++d) {
            const std::size_t same = d * tables_.devices + d;
            tables_.latency[same] = tables_.seconds_per_byte[same] = 0.0;
        }
        for (std::size_t pair = 0; pair < tables_.latency.size();
             ++pair)  // no route, and infinity * 0 is not a number
            if (!std::isfinite(tables_.latency[pair]) || !std::isfinite(tables_.seconds_per_byte[pair])) {
                tables_.latency[pair] = std::numeric_limits<double>::infinity();
                tables_.seconds_per_byte[pair] = 0.0;
            }
        auto& all = tables_.dependencies;
        std::stable_sort(all.begin(), all.end(), [](const dependency& a, const dependency& b) {
            return std::pair(a.from, a.to) < std::pair(b.from, b.to);
        });
        const auto from = [](const dependency& d) { return d.from; };
        const auto to = [](const dependency& d) { return d.to; };
        inputs_ = detail::group(tables_.tasks, all, to, from);
        outputs_ = detail::group(tables_.tasks, all, from, to);
        sort_topologically();
    }

    void sort_topologically() {
        std::vector<std::size_t> waiting(task_count());
        order_.reserve(task_count());
        for (task_id t = 0; t < task_count(); ++t) {
            waiting[t] = inputs(t).size();
            if (waiting[t] == 0) order_.push_back(t);
        }
        for (std::size_t next = 0; next < order_.size(); ++next)
            for (const neighbour& out : outputs(order_[next]))
                if (--waiting[out.task] == 0) order_.push_back(out.task);
    }

    [[nodiscard]] tl::unexpected<error> cycle_error() const {
        std::vector<bool> ordered(task_count(), false);
        for (const task_id t : order_) ordered[t] = true;
        const auto first = std::find(ordered.begin(), ordered.end(), false);
        return fail(errc::invalid_argument, task_label(static_cast<task_id>(first - ordered.begin())),
                    "the task waits for itself", "dependencies must not form a circle");
    }

    static result<void> check_numbers(const schedule_tables& given) {
        const auto bad = [](double x) { return std::isnan(x) || x < 0.0; };
        const auto column = [&](const std::vector<double>& values, std::size_t size, const char* name,
                                bool finite) -> result<void> {
            if (values.size() != size)
                return fail(errc::invalid_argument, name,
                            "it has " + std::to_string(values.size()) + " entries instead of " +
                                std::to_string(size));
            for (std::size_t i = 0; i < size; ++i)
                if (bad(values[i]) || (finite && !std::isfinite(values[i])))
                    return fail(errc::invalid_argument, name,
                                "entry " + std::to_string(i) + " is negative or not a number");
            return {};
        };
        const auto maybe = [&](const std::vector<double>& values, std::size_t size, const char* name,
                               bool finite = true) -> result<void> {
            return values.empty() ? result<void>{} : column(values, size, name, finite);
        };
        const std::size_t n = given.tasks, m = given.devices;
        if (n == 0) return fail(errc::invalid_argument, "tasks", "there are no tasks");
        if (m == 0) return fail(errc::invalid_argument, "devices", "there are no devices");
        if (m > given.seconds.size() || n > given.seconds.size())
            return fail(errc::invalid_argument, "seconds", "it has too few entries");
        DISPART_CHECK(column(given.seconds, n * m, "seconds", false));
        DISPART_CHECK(column(given.latency, m * m, "latency", false));
        DISPART_CHECK(column(given.seconds_per_byte, m * m, "seconds_per_byte", false));
        DISPART_CHECK(maybe(given.release, n, "release"));
        DISPART_CHECK(maybe(given.memory.resident, n, "memory.resident"));
        DISPART_CHECK(maybe(given.memory.working, n, "memory.working"));
        DISPART_CHECK(maybe(given.memory.output, n, "memory.output"));
        DISPART_CHECK(maybe(given.memory.capacity, m, "memory.capacity", false));
        for (const dependency& d : given.dependencies) {
            if (d.from >= n || d.to >= n)
                return fail(errc::invalid_argument, "dependencies", "there is no such task",
                            std::to_string(d.from) + " -> " + std::to_string(d.to));
            if (bad(d.bytes) || !std::isfinite(d.bytes))
                return fail(errc::invalid_argument, "dependencies", "a size is negative or not a number");
        }
        for (task_id t = 0; t < n; ++t) {
            const auto row = given.seconds.begin() + static_cast<std::ptrdiff_t>(t * m);
            if (std::none_of(row, row + static_cast<std::ptrdiff_t>(m),
                             [](double s) { return std::isfinite(s); }))
                return fail(errc::infeasible,
                            t < given.task_names.size() ? given.task_names[t] : "task " + std::to_string(t),
                            "no device may run the task");
        }
        return {};
    }

    schedule_tables tables_;
    detail::neighbour_rows inputs_{};
    detail::neighbour_rows outputs_{};
    std::vector<task_id> order_{};
};

}  // namespace dispart
