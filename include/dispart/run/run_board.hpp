#pragma once
/// \file
/// Where the threads of a coordinator report, and its caller waits.

#include <algorithm>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/concepts.hpp"

namespace dispart {

/// How close a report of a failure is to its cause, closest first: one dead worker makes many threads complain.
enum class evidence {
    confession,    ///< the worker itself said what failed
    lost_control,  ///< the worker fell silent or went away
    accusation,    ///< a worker said that its neighbour went away
    lost_data,     ///< an edge to or from the coordinator broke
};

/// State that several threads change and one waits for, and the failures among it.
class run_board {
  public:
    /// Told of every report: how close it is, the error, and the device that said so (empty: the coordinator).
    using witness = std::function<void(evidence, const error&, const std::string&)>;

    /// \param on_failure called once, by the thread that reports the first failure
    explicit run_board(std::function<void()> on_failure, witness on_report = {})
        : on_failure_(std::move(on_failure))
        , on_report_(std::move(on_report)) {}

    /// Changes state under the board's lock, and wakes who waits.
    template <class Action>
    void update(Action action) {
        const std::scoped_lock lock(mutex_);
        action();
        changed_.notify_all();
    }

    /// Reads state under the board's lock.
    template <class Query>
    [[nodiscard]] auto read(Query query) {
        const std::scoped_lock lock(mutex_);
        return query();
    }

    void report(evidence how, error why, const std::string& by = {}) {
        {
            const std::scoped_lock lock(mutex_);
            if (on_report_) on_report_(how, why, by);
            failures_.emplace_back(how, std::move(why));
            changed_.notify_all();
            if (failures_.size() > 1) return;
        }
        on_failure_();
    }

    [[nodiscard]] bool failed() {
        return read([this] { return !failures_.empty(); });
    }

    /// Waits until the condition, evaluated under the lock, holds. Errors: timeout; the failure that was reported.
    template <class Condition>
    [[nodiscard]] result<void> wait(deadline until, Condition condition) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait_until(lock, until, [&] { return !failures_.empty() || condition(); });
            if (failures_.empty())
                return condition() ? result<void>{} : fail(errc::timeout, {}, "not in time");
        }
        return tl::unexpected(verdict());
    }

    /// The failure that is closest to the cause. Waits a moment for better evidence than there is.
    /// Precondition: `failed()`.
    [[nodiscard]] error verdict(seconds grace = seconds(0.2)) {
        std::unique_lock lock(mutex_);
        DISPART_EXPECTS(!failures_.empty());
        const auto closer = [](const auto& a, const auto& b) { return a.first < b.first; };
        const auto best = [&] { return std::min_element(failures_.begin(), failures_.end(), closer); };
        changed_.wait_until(lock, deadline_in(grace), [&] { return best()->first == evidence::confession; });
        return best()->second;
    }

  private:
    std::function<void()> on_failure_;
    witness on_report_;
    std::mutex mutex_{};
    condition changed_{};
    std::vector<std::pair<evidence, error>> failures_{};
};

}  // namespace dispart
