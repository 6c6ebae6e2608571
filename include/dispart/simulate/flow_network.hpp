#pragma once
/// \file
/// Flows over shared links in time, at max-min fair rates that are kept up to date as flows come and go.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/simulate/detail/located_heap.hpp"
#include "dispart/simulate/detail/pair_index.hpp"

namespace dispart {

/// Names a flow while it lasts; used again after its end.
using flow_id = std::uint32_t;

/// Flows that cross links, each at weight * level, where no flow's level can grow without that of a flow of equal or
/// smaller level falling (weighted max-min fairness). Time advances by `advance`; rates change by themselves.
///
/// Every flow is held by one link of its path, its bottleneck: a full one on which no flow has a higher level. All
/// flows that a link holds have the link's level, so the link alone keeps their progress (a clock that runs at its
/// level, and a heap of the readings at which flows end), and a change of level touches none of them. A change at a
/// link is carried on only to full links that share flows with it, and to others when their room runs out. So a change
/// costs O(log flows) plus the changes of level and of bottleneck that it causes.
/// Exact up to a relative 1e-9 (the tolerance under which a link counts as full); deterministic.
/// Source: max-min fairness and bottlenecks: Bertsekas and Gallager, Data Networks, 2nd ed. 1992, section 6.5.2; a
/// clock per bottleneck: Parekh and Gallager, "A generalized processor sharing approach to flow control", ToN 1993.
class flow_network {
  public:
    static constexpr double infinity = std::numeric_limits<double>::infinity();

    /// \param capacity bytes per second of each link, not negative (infinite is fine, 0 lets nothing through)
    explicit flow_network(std::span<const double> capacity) {
        for (const double c : capacity) add_link(c);
    }

    /// Starts a flow now. O(path) expected, and what `next_end` does about it.
    /// \param path links, each at most once
    /// \param size bytes, not negative
    /// \param weight its share where it meets others, positive
    /// \param limit bytes per second that it never exceeds, not negative
    flow_id start(std::span<const std::size_t> path, double size, double weight = 1.0,
                  double limit = infinity) {
        DISPART_EXPECTS(size >= 0.0 && weight > 0.0 && limit >= 0.0);
        const flow_id f = new_flow(path, limit);
        flow& added = flows_[f];
        added.weight = weight;
        index best = none;
        for (index n = added.first; n < added.first + added.length; ++n) {
            link& l = links_[nodes_[n].link];
            l.total += weight;
            ++l.crossing;
            if (best == none || fair_share(nodes_[n].link) < fair_share(best)) best = nodes_[n].link;
        }
        if (size <= 0.0 || best == none || fair_share(best) == infinity) {
            added.holder = none;
            instant_.push_back(f);
            return f;
        }
        for (index n = added.first; n < added.first + added.length; ++n) mark(nodes_[n].link);
        hold(f, best, size);
        return f;
    }

    /// Ends a flow early. \return the bytes that were left. O(path) expected.
    double stop(flow_id f) {
        const double rest = left(f);
        if (flows_[f].holder == none) std::erase(instant_, f);
        else let_go(f);
        forget(f);
        return rest;
    }

    /// Changes a link's capacity from now on; an infinite one stays so.
    void set_capacity(std::size_t l, double capacity) {
        DISPART_EXPECTS(capacity >= 0.0);
        links_[l].capacity = capacity;
        mark(static_cast<index>(l));
    }

    /// Bytes that a flow has still to send.
    [[nodiscard]] double left(flow_id f) const {
        const flow& asked = flows_[f];
        if (asked.holder == none) return 0.0;
        const link& l = links_[asked.holder];
        return std::max(0.0, (l.flows[place_[f]].key - clock_of(l)) * asked.weight);
    }

    /// Bytes per second of a flow; infinite for one that nothing limits.
    [[nodiscard]] double rate(flow_id f) {
        settle();
        return flows_[f].holder == none ? infinity : flows_[f].weight * links_[flows_[f].holder].level;
    }

    [[nodiscard]] double now() const noexcept { return now_; }

    /// When the next flow ends, in seconds; infinite where none will.
    [[nodiscard]] double next_end() {
        settle();
        if (!instant_.empty()) return now_;
        return ends_.empty() ? infinity : std::max(now_, ends_.top().key);
    }

    /// Goes on to a time not beyond `next_end()` and appends the flows that end then.
    void advance(double to, std::vector<flow_id>& ended) {
        DISPART_EXPECTS(to >= now_);
        settle();
        now_ = to;
        for (const flow_id f : instant_) {
            forget(f);
            ended.push_back(f);
        }
        instant_.clear();
        while (!ends_.empty() && ends_.top().key <= now_) {
            const index l = ends_.top().id;
            const flow_id f = links_[l].flows.top().id;
            let_go(f);
            forget(f);
            ended.push_back(f);
            set_end(l);
        }
    }

    /// How many links were looked at again because of changes: what the incremental computation costs.
    [[nodiscard]] std::size_t links_looked_at() const noexcept { return looked_at_; }

  private:
    using index = std::uint32_t;
    static constexpr index none = ~index{0};
    static constexpr double usual_tolerance = 1e-10;

    /// Flows that cross one link and are held by another.
    struct meeting {
        index at = none;
        index by = none;  ///< the holder
        double weight = 0.0;
        double watched = infinity;  ///< the holder's level beyond which `at` must be looked at
        std::uint64_t stamp = 0;    ///< of the watch that counts
        index count = 0;
        index first = none;  ///< node
        index place_at = 0;  ///< in links_[at].meetings
        index place_by = 0;  ///< in links_[by].followers while `at` is full
    };
    /// A link on a flow's path; where the link does not hold the flow, an item of a meeting's list.
    struct node {
        index link = none;
        index flow = none;
        index meeting = none;
        index before = none;
        index after = none;
    };
    struct watch {
        double level;
        std::uint64_t stamp;
        index meeting;
        bool operator>(const watch& other) const { return level > other.level; }
    };
    struct link {
        double capacity = infinity;
        double total = 0.0;  ///< weight of the flows that cross it
        double held = 0.0;   ///< weight of the flows that it holds
        double level = 0.0;  ///< bytes per second and unit of weight, of the flows that it holds
        double clock = 0.0;  ///< integral of the level until `since`
        double since = 0.0;
        index crossing = 0;  ///< flows
        index ended = 0;     ///< flows since the clock was set back
        bool full = false;   ///< it holds flows
        bool dirty = false;
        detail::located_heap flows{};    ///< those it holds, by the clock's reading at their end
        std::vector<index> meetings{};   ///< at this link
        std::vector<index> followers{};  ///< meetings held by this link at full links
        std::vector<watch> watches{};    ///< least level on top
    };
    struct flow {
        index first = 0;  ///< node
        index length = 0;
        index holder = none;
        index own_link = none;  ///< the private link that limits it
        double weight = 1.0;
    };

    // --- flows and their paths

    index add_link(double capacity) {
        links_.emplace_back().capacity = capacity;
        end_place_.push_back(none);
        return static_cast<index>(links_.size() - 1);
    }

    flow_id new_flow(std::span<const std::size_t> path, double limit) {
        const bool limited = limit < infinity;
        const auto f = take(free_flows_, flows_.size());
        if (f == flows_.size()) {
            flows_.emplace_back();
            place_.push_back(none);
        }
        const std::size_t length = path.size() + (limited ? 1 : 0);
        if (free_nodes_.size() <= length) free_nodes_.resize(length + 1);
        const index first = take(free_nodes_[length], nodes_.size());
        if (first == nodes_.size()) nodes_.resize(nodes_.size() + length);
        flows_[f] = {first, static_cast<index>(length), none, limited ? private_link(limit) : none, 1.0};
        for (std::size_t i = 0; i < length; ++i)
            nodes_[first + i] = {i < path.size() ? static_cast<index>(path[i]) : flows_[f].own_link, f};
        return f;
    }
    index private_link(double limit) {
        const index l = take(free_links_, links_.size());
        if (l == links_.size()) return add_link(limit);
        links_[l].capacity = limit;
        return l;
    }
    static index take(std::vector<index>& unused, std::size_t fresh) {
        if (unused.empty()) return static_cast<index>(fresh);
        const index i = unused.back();
        unused.pop_back();
        return i;
    }
    /// Gives the flow's ids back. Precondition: no link holds it.
    void forget(flow_id f) {
        const flow& gone = flows_[f];
        for (index n = gone.first; n < gone.first + gone.length; ++n) {
            link& l = links_[nodes_[n].link];
            l.total = --l.crossing == 0 ? 0.0 : l.total - gone.weight;
        }
        if (gone.own_link != none) free_links_.push_back(gone.own_link);
        free_nodes_[gone.length].push_back(gone.first);
        free_flows_.push_back(f);
    }
    [[nodiscard]] double fair_share(index l) const { return links_[l].capacity / links_[l].total; }

    // --- who holds whom

    [[nodiscard]] double clock_of(const link& l) const { return l.clock + (now_ - l.since) * l.level; }
    void wind(link& l) {
        l.clock = clock_of(l);
        l.since = now_;
    }

    void hold(flow_id f, index l, double size) {
        flow& held = flows_[f];
        link& holder = links_[l];
        if (holder.flows.empty()) {
            holder.clock = 0.0;
            holder.ended = 0;
            holder.held = 0.0;
            holder.level = fair_share(l);
            holder.since = now_;
        }
        if (!holder.full) set_full(l, true);
        held.holder = l;
        holder.held += held.weight;
        holder.flows.push({clock_of(holder) + size / held.weight, f}, place_);
        retime(l);
        for (index n = held.first; n < held.first + held.length; ++n)
            if (nodes_[n].link != l) join(n, l, held.weight);
    }

    void let_go(flow_id f) {
        flow& gone = flows_[f];
        const index l = gone.holder;
        link& holder = links_[l];
        holder.flows.erase(f, place_);
        holder.held = holder.flows.empty() ? 0.0 : holder.held - gone.weight;
        if (++holder.ended > 4096 && holder.ended > holder.flows.size()) set_back(holder);
        retime(l);
        mark(l);
        for (index n = gone.first; n < gone.first + gone.length; ++n) {
            if (nodes_[n].link == l) continue;
            if (links_[nodes_[n].link].full) mark(nodes_[n].link);
            leave(n, gone.weight);
        }
        gone.holder = none;
    }

    /// Keeps the clock's reading small, and so exact.
    void set_back(link& l) {
        wind(l);
        l.flows.shift(l.clock, place_);
        l.clock = 0.0;
        l.ended = 0;
    }

    void move(flow_id f, index to) {
        const double rest = left(f);
        let_go(f);
        hold(f, to, rest);
        for (index n = flows_[f].first; n < flows_[f].first + flows_[f].length; ++n) mark(nodes_[n].link);
    }

    void join(index n, index by, double weight) {
        const index at = nodes_[n].link;
        index m = meetings_by_link_.find(at, by);
        if (m == none) m = new_meeting(at, by);
        meeting& joined = meetings_[m];
        joined.weight += weight;
        ++joined.count;
        nodes_[n].meeting = m;
        nodes_[n].before = none;
        nodes_[n].after = joined.first;
        if (joined.first != none) nodes_[joined.first].before = n;
        joined.first = n;
    }

    void leave(index n, double weight) {
        const node& gone = nodes_[n];
        meeting& left_alone = meetings_[gone.meeting];
        left_alone.weight -= weight;
        if (gone.before != none) nodes_[gone.before].after = gone.after;
        else left_alone.first = gone.after;
        if (gone.after != none) nodes_[gone.after].before = gone.before;
        if (--left_alone.count == 0) end_meeting(gone.meeting);
    }

    index new_meeting(index at, index by) {
        const index m = take(free_meetings_, meetings_.size());
        if (m == meetings_.size()) meetings_.emplace_back();
        meetings_[m] = {.at = at, .by = by};
        meetings_[m].place_at = static_cast<index>(links_[at].meetings.size());
        links_[at].meetings.push_back(m);
        if (links_[at].full) follow(m);
        meetings_by_link_.insert(at, by, m);
        return m;
    }

    void end_meeting(index m) {
        const meeting& gone = meetings_[m];
        auto& here = links_[gone.at].meetings;
        here[gone.place_at] = here.back();
        meetings_[here.back()].place_at = gone.place_at;
        here.pop_back();
        if (links_[gone.at].full) unfollow(m);
        meetings_by_link_.erase(gone.at, gone.by);
        meetings_[m].stamp = 0;
        free_meetings_.push_back(m);
    }

    void follow(index m) {
        auto& followers = links_[meetings_[m].by].followers;
        meetings_[m].place_by = static_cast<index>(followers.size());
        followers.push_back(m);
    }
    void unfollow(index m) {
        auto& followers = links_[meetings_[m].by].followers;
        followers[meetings_[m].place_by] = followers.back();
        meetings_[followers.back()].place_by = meetings_[m].place_by;
        followers.pop_back();
    }
    void set_full(index l, bool full) {
        links_[l].full = full;
        for (const index m : links_[l].meetings) full ? follow(m) : unfollow(m);
    }

    // --- levels

    void mark(index l) {
        if (links_[l].dirty || links_[l].capacity == infinity) return;
        links_[l].dirty = true;
        dirty_.push({links_[l].full ? links_[l].level : fair_share(l), l});
    }

    /// Brings all levels up to date: lowest first, since higher ones depend on them. Rounding cannot keep it going
    /// for ever: the tolerance grows where it takes suspiciously long.
    void settle() {
        if (dirty_.empty()) return;
        const std::size_t patience = 1000 + 20 * (links_.size() + flows_.size());
        for (std::size_t steps = 1; !dirty_.empty(); ++steps) {
            const index l = dirty_.top().id;
            dirty_.pop();
            if (!look_at(l)) open_up(l);
            links_[l].dirty = false;  // what it did to itself is already counted in
            ++looked_at_;
            if (steps % patience == 0) tolerance_ *= 10.0;
        }
        tolerance_ = usual_tolerance;
        for (const index l : retimed_) set_end(l);
        retimed_.clear();
    }

    /// Computes a full link's level anew and takes the flows that it limits more than their holders do.
    /// \return false if the link holds nothing and has room
    bool look_at(index l) {
        link& here = links_[l];
        double room = here.capacity;
        for (const index m : here.meetings) room -= meetings_[m].weight * links_[meetings_[m].by].level;
        if (here.flows.empty() && room >= -tolerance_ * here.capacity) return false;
        double weight = here.held;
        double level = here.flows.empty() ? 0.0 : std::max(0.0, room) / weight;
        taken_.clear();
        for (const index m : here.meetings)
            if (level_of(m) > level * (1.0 + tolerance_)) taken_.push_back(m);
        std::sort(taken_.begin(), taken_.end(), [&](index a, index b) {
            return level_of(a) > level_of(b) ||
                   (level_of(a) == level_of(b) && meetings_[a].by < meetings_[b].by);
        });
        std::size_t count = 0;
        for (; count < taken_.size() && level_of(taken_[count]) > level * (1.0 + tolerance_); ++count) {
            const meeting& met = meetings_[taken_[count]];
            room += met.weight * links_[met.by].level;
            weight += met.weight;
            level = std::max(0.0, room) / weight;
        }
        for (std::size_t i = 0; i < count; ++i) take_over(taken_[i], l);
        set_level(l, level);
        return true;
    }
    [[nodiscard]] double level_of(index m) const { return links_[meetings_[m].by].level; }

    void take_over(index m, index l) {
        for (index left_over = meetings_[m].count; left_over > 0; --left_over)
            move(nodes_[meetings_[m].first].flow, l);
    }

    void set_level(index l, double level) {
        link& here = links_[l];
        const double old = here.level;
        if (std::abs(level - old) <= 1e-4 * tolerance_ * old) return;
        wind(here);
        here.level = level;
        retime(l);
        for (const index m : here.followers) mark(meetings_[m].at);
        while (!here.watches.empty() && here.watches.front().level < level) {
            const watch reached = here.watches.front();
            std::pop_heap(here.watches.begin(), here.watches.end(), std::greater<>{});
            here.watches.pop_back();
            if (meetings_[reached.meeting].stamp != reached.stamp) continue;
            meetings_[reached.meeting].watched = infinity;
            mark(meetings_[reached.meeting].at);
        }
    }

    /// A link that holds nothing and has room: it must be looked at again when the levels of the flows that cross it
    /// have grown so much that it may be full.
    void open_up(index l) {
        link& here = links_[l];
        if (here.full) set_full(l, false);
        double room = here.capacity;
        double weight = 0.0;
        for (const index m : here.meetings) {
            room -= meetings_[m].weight * level_of(m);
            weight += meetings_[m].weight;
        }
        for (const index m : here.meetings) {
            const double until = level_of(m) + std::max(0.0, room) / weight;
            if (until < meetings_[m].watched) watch_for(m, until);
        }
    }

    void watch_for(index m, double level) {
        auto& watches = links_[meetings_[m].by].watches;
        if (watches.size() >= watches.capacity()) drop_stale(watches);
        meetings_[m].watched = level;
        meetings_[m].stamp = ++stamps_;
        watches.push_back({level, stamps_, m});
        std::push_heap(watches.begin(), watches.end(), std::greater<>{});
    }
    void drop_stale(std::vector<watch>& watches) {
        std::erase_if(watches, [&](const watch& w) { return meetings_[w.meeting].stamp != w.stamp; });
        std::make_heap(watches.begin(), watches.end(), std::greater<>{});
        watches.reserve(2 * watches.size() + 16);  // not looked through again before it has doubled
    }

    // --- ends

    void retime(index l) { retimed_.push_back(l); }

    void set_end(index l) {
        const link& here = links_[l];
        const bool listed = end_place_[l] != none;
        if (here.flows.empty()) {
            if (listed) ends_.erase(l, end_place_);
            end_place_[l] = none;
            return;
        }
        const double rest = here.flows.top().key - here.clock;
        const detail::keyed end{rest <= 0.0 ? here.since : here.since + rest / here.level, l};
        if (listed) ends_.change(end, end_place_);
        else ends_.push(end, end_place_);
    }

    std::vector<link> links_;
    std::vector<flow> flows_;
    std::vector<node> nodes_;
    std::vector<meeting> meetings_;
    detail::pair_index meetings_by_link_;
    detail::located_heap::places place_;      // [flow] in its holder's heap
    detail::located_heap::places end_place_;  // [link] in ends_
    detail::located_heap ends_;               // links by the time when the first flow that they hold ends
    std::vector<index> free_flows_, free_links_, free_meetings_;
    std::vector<std::vector<index>> free_nodes_;  // [length of the path]
    std::vector<flow_id> instant_;                // end as soon as they are looked at
    struct later {
        bool operator()(const detail::keyed& a, const detail::keyed& b) const { return b < a; }
    };
    std::priority_queue<detail::keyed, std::vector<detail::keyed>, later> dirty_;
    std::vector<index> retimed_, taken_;
    std::uint64_t stamps_ = 0;
    double now_ = 0.0;
    double tolerance_ = usual_tolerance;
    std::size_t looked_at_ = 0;
};

}  // namespace dispart
