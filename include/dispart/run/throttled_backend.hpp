#pragma once
/// \file
/// A backend that imitates a slower device, so that unequal machines can be tried on one.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/run/concepts.hpp"

namespace dispart {

/// An executable that takes `factor` times as long as the one it wraps: it computes, then sleeps the difference, so
/// that the processor is free for others meanwhile. What counts is the shortest run so far: that caches have gone cold or
/// a processor was taken while it slept is no property of the device that it imitates. Satisfies `executable`.
template <executable Inner>
class throttled_executable {
  public:
    throttled_executable(Inner inner, double factor) : inner_(std::move(inner)), factor_(factor) {}

    /// As the wrapped executable's, later.
    [[nodiscard]] result<std::vector<tensor>> run(std::span<const tensor> inputs) {
        return stretched([&] { return inner_.run(inputs); });
    }

    /// The same; reports each layer's time multiplied by the factor.
    [[nodiscard]] result<std::vector<tensor>> run(std::span<const tensor> inputs,
                                                  const layer_observer& observer) {
        if (!observer) return run(inputs);
        const layer_observer slower = [&](layer_id l, seconds took) { observer(l, took * factor_); };
        return stretched([&] { return inner_.run(inputs, slower); });
    }

    /// The wrapped executable.
    [[nodiscard]] const Inner& inner() const noexcept { return inner_; }

  private:
    template <class Work>
    auto stretched(Work work) {
        using clock = std::chrono::steady_clock;
        const auto begin = clock::now();
        auto outcome = work();
        const std::chrono::duration<double> took = clock::now() - begin;
        if (outcome) shortest_ = std::min(shortest_, took);
        const auto stretch = std::min(shortest_, took) * factor_;
        std::this_thread::sleep_until(begin + std::chrono::duration_cast<clock::duration>(stretch));
        return outcome;
    }

    Inner inner_;
    double factor_;
    std::chrono::duration<double> shortest_ = std::chrono::hours(24);  // run so far
};

/// Wraps a backend; what it loads runs `factor` times slower. Satisfies `backend`.
template <backend Inner>
class throttled_backend {
  public:
    /// Errors: invalid_argument unless 1 <= factor < infinity.
    [[nodiscard]] static result<throttled_backend> make(Inner inner, double factor) {
        if (!(factor >= 1.0) || !std::isfinite(factor))
            return fail(errc::invalid_argument, "factor",
                        std::to_string(factor) + " is not a finite number from 1 on");
        return throttled_backend(std::move(inner), factor);
    }

    [[nodiscard]] std::string_view name() const { return inner_.name(); }

    /// Errors: those of the wrapped backend.
    [[nodiscard]] auto load(const model& m) const {
        using loaded = typename decltype(inner_.load(m))::value_type;
        auto made = inner_.load(m);
        using slowed = result<throttled_executable<loaded>>;
        return made ? slowed(throttled_executable<loaded>(std::move(*made), factor_))
                    : slowed(tl::unexpect, std::move(made).error());
    }

  private:
    throttled_backend(Inner inner, double factor) : inner_(std::move(inner)), factor_(factor) {}

    Inner inner_;
    double factor_;
};

}  // namespace dispart
