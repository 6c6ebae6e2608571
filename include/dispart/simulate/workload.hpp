#pragma once
/// \file
/// What `play` plays: computations and transfers, and which must be over before which may begin.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/simulate/platform.hpp"

namespace dispart {

/// A computation, or (with a peer) a transfer.
struct work_item {
    device_id device = no_id;  ///< where it computes, or the sender
    device_id peer = no_id;    ///< the receiver of a transfer; no_id: a computation
    double amount = 0.0;       ///< seconds of computing, or bytes
    double memory = 0.0;       ///< bytes that a computation holds while it runs
    double earliest = 0.0;     ///< seconds: it is not there before
    request_id request = 0;    ///< for the trace
    part_id part = no_id;      ///< for the trace

    [[nodiscard]] bool is_transfer() const noexcept { return peer != no_id; }
};

/// Items by number, and pairs (before, after) of them.
struct workload {
    std::vector<work_item> items{};
    std::vector<std::pair<std::uint32_t, std::uint32_t>> order{};

    /// Adds an item. \return its number
    std::uint32_t add(const work_item& item) {
        items.push_back(item);
        return static_cast<std::uint32_t>(items.size() - 1);
    }
};

namespace detail {

/// Who waits for whom: the followers of item i are `items[offsets[i] .. offsets[i + 1])`.
struct followers {
    std::vector<std::uint32_t> offsets{};
    std::vector<std::uint32_t> items{};
    std::vector<std::uint32_t> waits_for{};  ///< [item] how many come before it

    explicit followers(const workload& work)
        : offsets(work.items.size() + 1, 0)
        , items(work.order.size())
        , waits_for(work.items.size(), 0) {
        for (const auto& [before, after] : work.order) {
            ++offsets[before + 1];
            ++waits_for[after];
        }
        for (std::size_t i = 1; i < offsets.size(); ++i) offsets[i] += offsets[i - 1];
        auto next = offsets;
        for (const auto& [before, after] : work.order) items[next[before]++] = after;
    }

    /// An item that waits for itself in a circle, or no_id. O(items + pairs).
    [[nodiscard]] std::size_t find_cycle() const {
        auto left = waits_for;
        std::vector<std::uint32_t> free;
        for (std::uint32_t i = 0; i < left.size(); ++i)
            if (left[i] == 0) free.push_back(i);
        for (std::size_t done = 0; done < free.size(); ++done)
            for (std::uint32_t f = offsets[free[done]]; f < offsets[free[done] + 1]; ++f)
                if (--left[items[f]] == 0) free.push_back(items[f]);
        for (std::size_t i = 0; i < left.size(); ++i)
            if (left[i] > 0) return i;
        return no_id;
    }
};

inline bool is_finite_amount(double x) { return x >= 0.0 && x < std::numeric_limits<double>::infinity(); }

}  // namespace detail

/// Errors: invalid_argument (an unknown device or item, a time or size that is negative or not finite, items that wait
/// in a circle), infeasible (an item that needs more memory than its device has), limit_exceeded (2^32 items or pairs);
/// the offender is the item's number. O(items + pairs).
[[nodiscard]] inline result<void> validate(const workload& work, const platform& on) {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
    const auto name = [](std::size_t i) { return "item " + std::to_string(i); };
    if (work.items.size() >= most || work.order.size() >= most)
        return fail(errc::limit_exceeded, "workload", "it has 2^32 items or more");
    for (std::size_t i = 0; i < work.items.size(); ++i) {
        const work_item& item = work.items[i];
        if (item.device >= on.device_count() || (item.is_transfer() && item.peer >= on.device_count()))
            return fail(errc::invalid_argument, name(i), "there is no such device");
        if (!detail::is_finite_amount(item.amount) || !detail::is_finite_amount(item.memory) ||
            !detail::is_finite_amount(item.earliest))
            return fail(errc::invalid_argument, name(i),
                        "its amount, memory and time must be finite and >= 0");
        if (!item.is_transfer() && item.memory > on.memory[item.device])
            return fail(errc::infeasible, name(i), "it needs more memory than its device has");
    }
    for (const auto& [before, after] : work.order)
        if (before >= work.items.size() || after >= work.items.size())
            return fail(errc::invalid_argument, name(std::max(before, after)), "there is no such item");
    const std::size_t circular = detail::followers(work).find_cycle();
    if (circular != no_id)
        return fail(errc::invalid_argument, name(circular), "it waits for itself in a circle");
    return {};
}

/// Errors: invalid_argument (no processor, no route function, a capacity or memory that is negative or not a number).
[[nodiscard]] inline result<void> validate(const platform& on) {
    if (on.memory.size() != on.device_count())
        return fail(errc::invalid_argument, "memory", "one entry per device is needed");
    for (device_id d = 0; d < on.device_count(); ++d)
        if (on.processors[d] == 0 || !(on.memory[d] >= 0.0))
            return fail(errc::invalid_argument, "device " + std::to_string(d),
                        "it needs a processor and memory that is not negative");
    for (link_id l = 0; l < on.link_capacity.size(); ++l)
        if (!(on.link_capacity[l] >= 0.0))
            return fail(errc::invalid_argument, "link " + std::to_string(l), "its capacity must be >= 0");
    if (!on.route) return fail(errc::invalid_argument, "route", "the platform has no route function");
    return {};
}

}  // namespace dispart
