#pragma once
/// \file
/// The workers of a service: who is there, who is not, who leaves.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/clock.hpp"
#include "dispart/run/concepts.hpp"
#include "dispart/run/deployment.hpp"
#include "dispart/run/handshake.hpp"

namespace dispart {

/// What a worker is to its service.
enum class member_state {
    present,   ///< may be given stages
    lost,      ///< does not answer, or failed; it is tried again
    draining,  ///< is to leave: gets no new stages
};
[[nodiscard]] constexpr std::string_view to_string(member_state s) noexcept {
    return s == member_state::present ? "present" : s == member_state::lost ? "lost" : "draining";
}

/// One worker.
struct member {
    worker_host host{};
    member_state state = member_state::present;
    deadline since{};      ///< of the state
    deadline retry_at{};   ///< of a lost one
    seconds backoff{};     ///< until the try after that
    std::string reason{};  ///< why it is lost
};

/// Who is there, for whoever makes plans.
struct roster_view {
    std::vector<worker_host> present{};
    std::vector<std::pair<std::string, std::string>> broken{};  ///< devices between which nothing gets through

    [[nodiscard]] bool has(const std::string& name) const {
        return std::any_of(present.begin(), present.end(), [&](const auto& h) { return h.name == name; });
    }
};

/// Members and links that failed. Not synchronised.
class roster {
  public:
    /// \param retry time until a lost member or link is tried again; doubles with each failure up to 16 times
    roster(std::vector<worker_host> hosts, seconds retry) : retry_(retry) {
        for (auto& each : hosts) join(std::move(each));
    }

    /// A worker comes, or comes back under a new address.
    void join(worker_host host) {
        member* known = find(host.name);
        if (!known) known = &members_.emplace_back();
        *known = {.host = std::move(host), .since = clock_now()};
    }
    /// \return false where it is unknown
    bool drain(const std::string& name) { return set(name, member_state::draining); }
    bool remove(const std::string& name) {
        return std::erase_if(members_, [&](const member& m) { return m.host.name == name; }) > 0;
    }

    void lose(const std::string& name, std::string reason) {
        member* m = find(name);
        if (!m || m->state == member_state::draining) return;
        const bool again =
            m->backoff.value > 0.0 && clock_now() - m->since < deadline_in(retry_ * 4.0) - clock_now();
        m->backoff = again ? seconds(std::min(m->backoff.value * 2.0, retry_.value * 16.0)) : retry_;
        m->retry_at = deadline_in(m->backoff);
        m->reason = std::move(reason);
        m->state = member_state::lost;
        m->since = clock_now();
    }
    void find_again(const std::string& name) {
        if (member* m = find(name); m && m->state == member_state::lost) set(name, member_state::present);
    }
    void postpone(const std::string& name) {
        if (member* m = find(name)) m->retry_at = deadline_in(m->backoff);
    }
    /// Nothing gets through between the two, for a while.
    void part(const std::string& a, const std::string& b) {
        broken_.push_back({{a, b}, deadline_in(retry_ * 8.0)});
    }

    [[nodiscard]] bool has(const std::string& name) const {
        return std::any_of(members_.begin(), members_.end(),
                           [&](const member& m) { return m.host.name == name; });
    }
    [[nodiscard]] const std::vector<member>& members() const noexcept { return members_; }

    /// Lost members whose time has come.
    [[nodiscard]] std::vector<worker_host> due() const {
        std::vector<worker_host> made;
        for (const member& m : members_)
            if (m.state == member_state::lost && m.retry_at <= clock_now()) made.push_back(m.host);
        return made;
    }
    [[nodiscard]] roster_view view() {
        std::erase_if(broken_, [](const auto& each) { return each.second <= clock_now(); });
        roster_view made;
        for (const member& m : members_)
            if (m.state == member_state::present) made.present.push_back(m.host);
        for (const auto& [pair, until] : broken_) made.broken.push_back(pair);
        return made;
    }

  private:
    member* find(const std::string& name) {
        const auto found = std::find_if(members_.begin(), members_.end(),
                                        [&](const member& m) { return m.host.name == name; });
        return found == members_.end() ? nullptr : &*found;
    }
    bool set(const std::string& name, member_state to) {
        member* m = find(name);
        if (!m) return false;
        m->state = to;
        m->since = clock_now();
        return true;
    }

    seconds retry_;
    std::vector<member> members_{};
    std::vector<std::pair<std::pair<std::string, std::string>, deadline>> broken_{};
};

/// Whether a worker answers a HELLO. Errors: as `connect` and `introduce`.
template <transport Transport>
[[nodiscard]] result<void> say_hello(Transport& carrier, const worker_host& to, const std::string& from,
                                     seconds within) {
    const deadline until = deadline_in(within);
    DISPART_TRY(auto connection, carrier.connect(to.address, until));
    DISPART_CHECK(introduce(connection, {.role = connection_role::probe, .from = from, .to = to.name}, until));
    connection.close();
    return {};
}

/// Which of the workers answer, asked all at once. [worker]
template <transport Transport>
[[nodiscard]] std::vector<result<void>> say_hello(Transport& carrier, const std::vector<worker_host>& to,
                                                  const std::string& from, seconds within) {
    std::vector<result<void>> answers(to.size());
    std::vector<thread> asking;
    for (std::size_t i = 0; i < to.size(); ++i)
        asking.emplace_back([&, i] { answers[i] = say_hello(carrier, to[i], from, within); });
    for (thread& each : asking) each.join();
    return answers;
}

}  // namespace dispart
