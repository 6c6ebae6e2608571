#pragma once
/// \file
/// What every instance must satisfy; the algorithms that read one rely on it.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

namespace detail {

inline result<void> check_that(bool holds, const std::string& offender, const char* message) {
    if (holds) return {};
    return fail(errc::invalid_argument, offender, message);
}

/// Finite and not negative, or (where allowed) infinite.
inline bool is_amount(double value, bool or_infinite = false) {
    return value >= 0.0 && (or_infinite || std::isfinite(value));
}

template <class Range>
bool are_amounts(const Range& values, bool or_infinite = false) {
    return std::all_of(values.begin(), values.end(), [&](double v) { return is_amount(v, or_infinite); });
}

inline bool are_below(std::span<const std::size_t> ids, std::size_t count) {
    return std::all_of(ids.begin(), ids.end(), [&](std::size_t id) { return id < count; });
}

inline bool strictly_ascending(std::span<const std::size_t> ids) {
    return std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end();
}

template <class Table>
bool has_extents(const Table& table, std::size_t rows, std::size_t columns) {
    return table.shape()[0] == rows && table.shape()[1] == columns;
}

inline result<void> check_tables(const instance& p) {
    const std::size_t rows = p.fixed_seconds.shape()[0], columns = p.fixed_seconds.shape()[1];
    DISPART_CHECK(
        check_that(has_extents(p.marginal_seconds, rows, columns) && has_extents(p.allowed, rows, columns) &&
                       has_extents(p.workspace_bytes, rows, columns),
                   "tables", "fixed_seconds, marginal_seconds, allowed and workspace_bytes differ in shape"));
    DISPART_CHECK(
        check_that(are_below(p.layer_class, rows), "layer_class", "a class has no row in the tables"));
    DISPART_CHECK(check_that(are_below(p.device_class, columns), "device_class",
                             "a class has no column in the tables"));
    DISPART_CHECK(check_that(p.device_count() > 0, "device_class", "there is no device"));
    DISPART_CHECK(
        check_that(are_amounts(p.fixed_seconds), "fixed_seconds", "a time is negative or not finite"));
    DISPART_CHECK(
        check_that(are_amounts(p.marginal_seconds), "marginal_seconds", "a time is negative or not finite"));
    return check_that(are_amounts(p.workspace_bytes), "workspace_bytes", "a size is negative or not finite");
}

/// Lists per layer and per tensor agree, and layers are in topological order.
inline result<void> check_flow(const instance& p) {
    DISPART_CHECK(check_that(p.reads.size() == p.layer_count() && p.writes.size() == p.layer_count(),
                             "reads, writes", "not one row per layer"));
    DISPART_CHECK(check_that(p.producer.size() == p.tensor_count() && p.consumers.size() == p.tensor_count(),
                             "producer, consumers", "not one per tensor"));
    std::vector<std::size_t> readers(p.tensor_count(), 0), writers(p.tensor_count(), 0);
    for (layer_id l = 0; l < p.layer_count(); ++l) {
        DISPART_CHECK(
            check_that(are_below(p.reads[l], p.tensor_count()) && are_below(p.writes[l], p.tensor_count()),
                       "layer " + p.name_of_layer(l), "it reads or writes a tensor that does not exist"));
        for (const tensor_id t : p.writes[l]) {
            DISPART_CHECK(check_that(p.producer[t] == l && ++writers[t] == 1, "layer " + p.name_of_layer(l),
                                     "writes and producer disagree"));
        }
        for (const tensor_id t : p.reads[l]) {
            DISPART_CHECK(
                check_that(p.producer[t] == no_id || p.producer[t] < l, "layer " + p.name_of_layer(l),
                           "it reads a tensor that is made later: layers are not in topological order"));
            const auto all = p.consumers[t];
            ++readers[t];
            DISPART_CHECK(check_that(std::binary_search(all.begin(), all.end(), l),
                                     "layer " + p.name_of_layer(l), "reads and consumers disagree"));
        }
    }
    for (tensor_id t = 0; t < p.tensor_count(); ++t) {
        const std::string owner =
            "tensor " + (t < p.tensor_names.size() ? p.tensor_names[t] : std::to_string(t));
        DISPART_CHECK(check_that(strictly_ascending(p.consumers[t]), owner, "its consumers are not ascending"));
        DISPART_CHECK(check_that(readers[t] == p.consumers[t].size(), owner, "reads and consumers disagree"));
        DISPART_CHECK(
            check_that((p.producer[t] == no_id) == (writers[t] == 0), owner, "writes and producer disagree"));
    }
    return {};
}

inline result<void> check_sizes(const instance& p) {
    DISPART_CHECK(check_that(p.weight_bytes.size() == p.layer_count(), "weight_bytes", "not one per layer"));
    DISPART_CHECK(check_that(are_amounts(p.weight_bytes), "weight_bytes", "a size is negative or not finite"));
    DISPART_CHECK(check_that(are_amounts(p.tensor_bytes), "tensor_bytes", "a size is negative or not finite"));
    DISPART_CHECK(check_that(are_below(p.model_inputs, p.tensor_count()) &&
                                 are_below(p.model_outputs, p.tensor_count()),
                             "model_inputs, model_outputs", "a tensor does not exist"));
    DISPART_CHECK(
        check_that(p.memory_capacity.size() == p.device_count(), "memory_capacity", "not one per device"));
    DISPART_CHECK(
        check_that(are_amounts(p.memory_capacity, true), "memory_capacity", "a size is negative or NaN"));
    return check_that(is_amount(p.queues.inputs) && is_amount(p.queues.outputs) && is_amount(p.queues.live),
                      "queues", "a depth is negative or not finite");
}

inline result<void> check_transfers(const instance& p) {
    const std::size_t n = p.device_count();
    if (p.load == load_model::nets && p.latency.size() == 0 && p.seconds_per_byte.size() == 0) return {};
    DISPART_CHECK(check_that(has_extents(p.latency, n, n) && has_extents(p.seconds_per_byte, n, n),
                             "latency, seconds_per_byte", "not one per pair of devices"));
    DISPART_CHECK(check_that(are_amounts(p.latency, true), "latency", "a time is negative or NaN"));
    DISPART_CHECK(
        check_that(are_amounts(p.seconds_per_byte), "seconds_per_byte", "a time is negative or not finite"));
    DISPART_CHECK(check_that(are_amounts(p.link_seconds_per_byte), "link_seconds_per_byte",
                             "a time is negative or not finite"));
    for (device_id d = 0; d < n; ++d)
        DISPART_CHECK(check_that(p.latency(d, d) == 0.0 && p.seconds_per_byte(d, d) == 0.0,
                                 "device " + p.name_of_device(d), "a transfer to itself is not free"));
    DISPART_CHECK(check_that(p.routes.size() == n * n || p.routes.size() == 0, "routes",
                             "not one per pair of devices"));
    for (std::size_t pair = 0; pair < p.routes.size(); ++pair)
        DISPART_CHECK(check_that(are_below(p.routes[pair], p.link_count()), "routes", "a link does not exist"));
    return check_that((p.source == no_id || p.source < n) && (p.sink == no_id || p.sink < n), "source, sink",
                      "not a device");
}

inline result<void> check_placement(const instance& p) {
    const auto per = [](std::size_t size, std::size_t count) { return size == 0 || size == count; };
    DISPART_CHECK(check_that(per(p.together.size(), p.layer_count()), "together", "not one per layer"));
    DISPART_CHECK(check_that(per(p.backward.size(), p.layer_count()), "backward", "not one per layer"));
    DISPART_CHECK(check_that(per(p.unlimited.size(), p.device_count()), "unlimited", "not one per device"));
    DISPART_CHECK(check_that(p.load != load_model::nets || p.net_seconds_per_byte.size() == p.device_count(),
                             "net_seconds_per_byte", "not one per device"));
    return check_that(are_amounts(p.net_seconds_per_byte), "net_seconds_per_byte",
                      "a time is negative or not finite");
}

}  // namespace detail

/// Checks an instance: tables of matching shape; times and sizes finite and not negative (a latency or capacity may be
/// infinite); layers in topological order; lists per layer and per tensor that agree; ids in range.
///
/// Errors: invalid_argument, naming the table, layer, tensor or device. O(size of the instance).
[[nodiscard]] inline result<void> validate(const instance& problem) {
    DISPART_CHECK(detail::check_tables(problem));
    DISPART_CHECK(detail::check_sizes(problem));
    DISPART_CHECK(detail::check_flow(problem));
    DISPART_CHECK(detail::check_placement(problem));
    return detail::check_transfers(problem);
}

}  // namespace dispart
