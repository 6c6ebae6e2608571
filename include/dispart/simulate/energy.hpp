#pragma once
/// \file
/// What a simulated run costs: energy and price, integrated over time and bytes.

#include <cstddef>
#include <span>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"

namespace dispart {

/// Power and prices; a vector that is empty stands for zeros.
struct cost_rates {
    std::vector<double> busy_watts{};       ///< [device] while all its processors compute
    std::vector<double> idle_watts{};       ///< [device] while none does
    std::vector<double> price_per_hour{};   ///< [device] of having it
    std::vector<double> joules_per_byte{};  ///< [link]
    std::vector<double> price_per_byte{};   ///< [link]
    std::vector<std::size_t> processors{};  ///< [device]; empty: one each
};

/// What was used. Prices in the user's own currency.
struct usage {
    double duration = 0.0;                 ///< seconds
    std::span<const double> busy{};        ///< [device] seconds of computing, summed over processors
    std::span<const double> alive{};       ///< [device] seconds; a dead device draws nothing, but is paid for
    std::span<const double> link_bytes{};  ///< [link]
};

struct bill {
    std::vector<double> device_joules{};
    std::vector<double> device_price{};
    std::vector<double> link_joules{};
    std::vector<double> link_price{};
    double joules = 0.0;
    double price = 0.0;
};

/// Energy of a device: idle power while alive, plus the difference to busy power times the share of its processors that
/// compute; of a link: per byte. Errors: invalid_argument (rates for another number of devices or links). O(size).
[[nodiscard]] inline result<bill> make_bill(const cost_rates& rates, const usage& used) {
    const auto fits = [](const auto& rate, std::size_t n) { return rate.empty() || rate.size() == n; };
    const std::size_t devices = used.busy.size();
    if (used.alive.size() != devices || !fits(rates.busy_watts, devices) || !fits(rates.idle_watts, devices) ||
        !fits(rates.price_per_hour, devices) || !fits(rates.processors, devices))
        return fail(errc::invalid_argument, "devices", "rates and usage are of different numbers of devices");
    if (!fits(rates.joules_per_byte, used.link_bytes.size()) ||
        !fits(rates.price_per_byte, used.link_bytes.size()))
        return fail(errc::invalid_argument, "links", "rates and usage are of different numbers of links");
    const auto at = [](const std::vector<double>& rate, std::size_t i) {
        return rate.empty() ? 0.0 : rate[i];
    };
    bill made;
    for (device_id d = 0; d < devices; ++d) {
        const double idle = at(rates.idle_watts, d);
        const double share = rates.processors.empty() ? 1.0 : 1.0 / static_cast<double>(rates.processors[d]);
        made.device_joules.push_back(idle * used.alive[d] +
                                     (at(rates.busy_watts, d) - idle) * used.busy[d] * share);
        made.device_price.push_back(at(rates.price_per_hour, d) * used.duration / 3600.0);
    }
    for (link_id l = 0; l < used.link_bytes.size(); ++l) {
        made.link_joules.push_back(at(rates.joules_per_byte, l) * used.link_bytes[l]);
        made.link_price.push_back(at(rates.price_per_byte, l) * used.link_bytes[l]);
    }
    for (const auto* part : {&made.device_joules, &made.link_joules})
        for (const double j : *part) made.joules += j;
    for (const auto* part : {&made.device_price, &made.link_price})
        for (const double p : *part) made.price += p;
    return made;
}

}  // namespace dispart
