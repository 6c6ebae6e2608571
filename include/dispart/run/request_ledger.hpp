#pragma once
/// \file
/// The requests of a service and what became of them: each has exactly one outcome.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/run/clock.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart {

/// How a request ended.
enum class outcome_kind {
    answered,  ///< by the model
    fallback,  ///< by what the user named in its place
    refused,   ///< with a reason: its deadline, itself, or the end of the service
};

/// The one outcome of a request.
struct outcome {
    request_id request = 0;
    outcome_kind how = outcome_kind::refused;
    std::vector<tensor> outputs{};
    error reason{};            ///< why it was refused, or why the fallback answered
    std::uint64_t epoch = 0;   ///< of the deployment that answered
    std::string version{};     ///< of the model that answered
    std::size_t attempts = 0;  ///< deployments that it was handed to
    seconds took{};            ///< since it was submitted
};

/// A set of numbers that grows together: costs as much as it has gaps.
class id_set {
  public:
    /// \return false where it is in already. O(log gaps)
    bool insert(request_id id) {
        auto after = runs_.upper_bound(id);
        if (after != runs_.begin() && id < std::prev(after)->second) return false;
        auto made = runs_.emplace_hint(after, id, id + 1);
        if (made != runs_.begin() && std::prev(made)->second == id) {
            auto before = std::prev(made);
            before->second = id + 1;
            runs_.erase(made);
            made = before;
        }
        if (after != runs_.end() && after->first == id + 1) {
            made->second = after->second;
            runs_.erase(after);
        }
        return true;
    }
    [[nodiscard]] bool contains(request_id id) const {
        const auto after = runs_.upper_bound(id);
        return after != runs_.begin() && id < std::prev(after)->second;
    }
    [[nodiscard]] std::size_t gaps() const noexcept { return runs_.size(); }

  private:
    std::map<request_id, request_id> runs_{};  ///< first -> one past the last
};

/// Keeps inputs until the answer, hands requests out in order of their ids, takes each answer once. Not synchronised.
class request_ledger {
  public:
    explicit request_ledger(std::size_t most_open) : most_open_(most_open) {}

    /// Errors: refused (the id was seen before), limit_exceeded (too many are open); then there is no outcome.
    [[nodiscard]] result<void> add(request_id id, std::vector<tensor> inputs, deadline until) {
        if (seen_.contains(id))
            return fail(errc::refused, "request " + std::to_string(id), "a request of this id has been here");
        if (open_.size() >= most_open_)
            return fail(errc::limit_exceeded, "request " + std::to_string(id),
                        std::to_string(open_.size()) + " requests are open");
        seen_.insert(id);
        open_.emplace(id, entry{std::move(inputs), until, clock_now()});
        deadlines_.emplace(until, id);
        waiting_.insert(id);
        return {};
    }

    /// The waiting request with the lowest id becomes one in flight; its inputs stay here. Nothing where none waits.
    [[nodiscard]] std::optional<request_id> hand_out() {
        if (waiting_.empty()) return std::nullopt;
        const request_id id = *waiting_.begin();
        waiting_.erase(waiting_.begin());
        in_flight_.push_back(id);
        ++open_.at(id).attempts;
        return id;
    }

    /// Precondition: it is open.
    [[nodiscard]] const std::vector<tensor>& inputs(request_id id) const { return open_.at(id).inputs; }
    [[nodiscard]] bool open(request_id id) const { return open_.contains(id); }
    [[nodiscard]] bool seen(request_id id) const { return seen_.contains(id); }

    /// The oldest in flight is answered. Nothing where it has had its outcome: the answer is dropped.
    /// Precondition: one is in flight.
    [[nodiscard]] std::optional<outcome> answer_oldest(std::vector<tensor> outputs, std::uint64_t epoch) {
        const request_id id = in_flight_.front();
        in_flight_.pop_front();
        if (!open_.contains(id)) return ++dropped_, std::nullopt;
        outcome made = close(id, outcome_kind::answered);
        made.outputs = std::move(outputs);
        made.epoch = epoch;
        return made;
    }

    /// What was in flight waits again. \return how many are to be answered yet
    std::size_t take_back() {
        std::size_t count = 0;
        for (const request_id id : in_flight_)
            if (open_.contains(id)) count += waiting_.insert(id).second ? 1 : 0;
        in_flight_.clear();
        return count;
    }

    /// Ends a request that is open, otherwise than by an answer of the model.
    [[nodiscard]] outcome end(request_id id, outcome_kind how, error reason, std::vector<tensor> outputs = {}) {
        waiting_.erase(id);
        outcome made = close(id, how);
        made.reason = std::move(reason);
        made.outputs = std::move(outputs);
        return made;
    }

    /// A request whose deadline is over, if any.
    [[nodiscard]] std::optional<request_id> overdue() const {
        if (deadlines_.empty() || deadlines_.begin()->first > clock_now()) return std::nullopt;
        return deadlines_.begin()->second;
    }
    [[nodiscard]] deadline next_deadline() const {
        return deadlines_.empty() ? deadline::max() : deadlines_.begin()->first;
    }

    [[nodiscard]] const std::set<request_id>& waiting() const noexcept { return waiting_; }
    [[nodiscard]] const std::deque<request_id>& in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] std::size_t open_count() const noexcept { return open_.size(); }
    [[nodiscard]] std::size_t dropped() const noexcept { return dropped_; }  ///< answers that came too late

  private:
    struct entry {
        std::vector<tensor> inputs{};
        deadline until{};
        deadline since{};
        std::size_t attempts = 0;
    };

    outcome close(request_id id, outcome_kind how) {
        const auto found = open_.find(id);
        outcome made{.request = id, .how = how, .attempts = found->second.attempts};
        made.took = seconds(std::chrono::duration<double>(clock_now() - found->second.since).count());
        deadlines_.erase({found->second.until, id});
        open_.erase(found);
        return made;
    }

    std::map<request_id, entry> open_{};
    std::set<request_id> waiting_{};
    std::set<std::pair<deadline, request_id>> deadlines_{};
    std::deque<request_id> in_flight_{};  ///< in the order in which they were handed out; some may have ended since
    id_set seen_{};
    std::size_t most_open_;
    std::size_t dropped_ = 0;
};

}  // namespace dispart
