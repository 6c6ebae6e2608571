#pragma once
/// \file
/// Calls of a user's cost model, whose exceptions and senseless numbers become errors.

#include <cmath>
#include <exception>
#include <string>

#include "dispart/core/result.hpp"

namespace dispart::detail {

/// Calls a user's function; what it throws becomes callback_failed.
template <class Call>
auto guarded(const std::string& offender, const char* hook, Call call) -> result<decltype(call())> {
    try {
        return call();
    } catch (const std::exception& e) {
        return fail(errc::callback_failed, offender,
                    std::string("the cost model's ") + hook + " threw: " + e.what());
    } catch (...) {
        return fail(errc::callback_failed, offender, std::string("the cost model's ") + hook + " threw");
    }
}

/// Calls a user's function that returns an amount, which must be finite and not negative.
template <class Call>
result<double> guarded_amount(const std::string& offender, const char* hook, Call call) {
    DISPART_TRY(const double value,
                guarded(offender, hook, [&] { return static_cast<double>(call().value); }));
    if (std::isfinite(value) && value >= 0.0) return value;
    return fail(errc::invalid_argument, offender,
                std::string("the cost model's ") + hook + " returned " + std::to_string(value),
                "it must be finite and not negative");
}

}  // namespace dispart::detail
