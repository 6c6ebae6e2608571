#pragma once
/// \file
/// The best segments of a line on devices in a given order, or in any order: dynamic programming over the devices that
/// are used already, the last of them, and the blocks that are done.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/partition/detail/line.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::detail {

/// Devices that may be exchanged for one another.
using alike_devices = std::vector<device_id>;

/// Who can work on a segment after whom. A node is a device (or one of a kind) with everything that tells apart what may
/// follow: its place in an order, or the set of devices used so far.
class line_states {
  public:
    struct node {
        std::size_t kind = 0;
        bool first = false;          ///< may hold the first segment
        std::size_t rest = 0;        ///< which devices may follow: an index into `rests`
        std::size_t before_end = 0;  ///< its predecessors are before(node - 1).end .. before_end
    };

    /// One of the ways to take a device off a set of those that are left: its kind, and the set without it.
    struct rest_step {
        std::size_t rest, kind, without;
    };

    /// Devices one after the other, any of them left out, at most `most` used. `most` * devices nodes.
    static line_states in_order(const std::vector<device_id>& order, std::size_t most) {
        line_states made;
        const std::size_t n = order.size(), rounds = most >= n ? 1 : most;
        for (const device_id d : order) made.kinds_.push_back({d});
        for (std::size_t q = n; q-- > 0;) made.rests_.push_back({n - q, q, n - q - 1});
        for (std::size_t q = 0; q < n; ++q)
            for (std::size_t used = 0; used < rounds; ++used) {
                for (std::size_t p = q; p-- > 0;)
                    if (rounds == 1) made.before_.push_back(p);
                    else if (used > 0) made.before_.push_back(p * rounds + used - 1);
                made.nodes_.push_back({q, used == 0, n - q - 1, made.before_.size()});
            }
        return made;
    }

    /// Devices of each kind in any order, at most `most` used. Nothing where there would be too many nodes.
    static std::optional<line_states> in_any_order(std::vector<alike_devices> kinds, std::size_t most,
                                                   std::size_t most_nodes) {
        std::vector<std::size_t> step{1};
        for (const auto& kind : kinds) {
            step.push_back(step.back() * (kind.size() + 1));
            if (step.back() > most_nodes) return std::nullopt;
        }
        std::size_t devices = 0, nodes = 0;  // nodes: for each kind, the sets in which it is
        for (const auto& kind : kinds)
            devices += kind.size(), nodes += step.back() / (kind.size() + 1) * kind.size();
        if (most >= devices && nodes > most_nodes) return std::nullopt;
        line_states made;
        made.kinds_ = std::move(kinds);
        const auto count = [&](std::size_t set, std::size_t kind) {
            return set / step[kind] % (made.kinds_[kind].size() + 1);
        };
        for (std::size_t set = 1; set < step.back(); ++set)
            for (std::size_t k = 0; k < made.kinds_.size(); ++k)
                if (count(set, k) > 0) made.rests_.push_back({set, k, set - step[k]});
        std::vector<std::size_t> node_of(step.back() * made.kinds_.size(), no_id);
        for (std::size_t set = 1; set < step.back(); ++set) {
            std::size_t used = 0;
            for (std::size_t k = 0; k < made.kinds_.size(); ++k) used += count(set, k);
            if (used > most) continue;
            for (std::size_t k = 0; k < made.kinds_.size(); ++k) {
                if (count(set, k) == 0) continue;
                const std::size_t rest = set - step[k];
                for (std::size_t p = 0; p < made.kinds_.size(); ++p)
                    if (rest != 0 && count(rest, p) > 0)
                        made.before_.push_back(node_of[rest * made.kinds_.size() + p]);
                node_of[set * made.kinds_.size() + k] = made.nodes_.size();
                made.nodes_.push_back({k, rest == 0, step.back() - 1 - set, made.before_.size()});
                if (made.nodes_.size() > most_nodes) return std::nullopt;
            }
        }
        return made;
    }

    [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
    [[nodiscard]] const node& operator[](std::size_t n) const { return nodes_[n]; }
    [[nodiscard]] const std::vector<alike_devices>& kinds() const noexcept { return kinds_; }
    /// Sets of devices that are left; set 0 is empty, and every step leads to a set with a smaller number.
    [[nodiscard]] const std::vector<rest_step>& rests() const noexcept { return rests_; }
    /// A device of the node's kind.
    [[nodiscard]] device_id device(std::size_t n) const { return kinds_[nodes_[n].kind].front(); }
    /// Calls `visit(node)` for all predecessors until it returns false.
    template <class Visit>
    void for_each_before(std::size_t n, Visit visit) const {
        for (std::size_t i = n == 0 ? 0 : nodes_[n - 1].before_end; i < nodes_[n].before_end; ++i)
            if (!visit(before_[i])) return;
    }

  private:
    std::vector<alike_devices> kinds_{};
    std::vector<node> nodes_{};
    std::vector<std::size_t> before_{};
    std::vector<rest_step> rests_{};
};

/// Segments of the line: blocks cuts[k] .. cuts[k + 1] on devices[k].
struct line_division {
    std::vector<std::size_t> cuts{};  ///< of the line
    std::vector<device_id> devices{};
    double value = 0.0;  ///< latency, or the largest load with every pair of devices priced alone
};

/// One search over a line. Exact for the prices of `line_tables`.
class line_search {
  public:
    line_search(const line_tables& tables, const line_states& states)
        : tables_(tables)
        , states_(states)
        , width_(tables.blocks() + 1)
        , serial_(tables.problem().load == load_model::serial)
        , value_(states.size() * width_)
        , low_(states.size())
        , high_(states.size()) {
        price_predecessors();
    }

    /// The least largest load, found by halving the interval from `low`, which nothing is below, to `high`; nothing
    /// where there is none that is at most `high`. O(log(high / low) * predecessors * blocks). Serial sends of a source
    /// that may work besides: so much for each kind that may be first, less where known values rule a kind out.
    /// \param bound gets the value that none is below, within a relative 1e-9
    [[nodiscard]] std::optional<line_division> least_load(double low, double high, double& bound) {
        if (!source_may_work()) return halve(low, high, bound);
        std::optional<line_division> best;
        bound = infinity;
        for (std::size_t kind = 0; kind < states_.kinds().size(); ++kind) {
            double here = 0.0;
            begin_with(kind);
            if (auto found = halve(low, best ? best->value * (1.0 - 1e-9) : high, here))
                best = std::move(found);
            bound = std::min(bound, here);
        }
        return best;
    }

    /// Segments whose loads do not exceed the limit, if there are any.
    [[nodiscard]] std::optional<line_division> within(double limit) {
        limit_ = limit;
        find_needs();
        if (need_.back() > 0) return std::nullopt;
        for (std::size_t n = 0; n < states_.size(); ++n) {
            find_loads(n);
            if (ends_within(n)) return trace(n);
        }
        return std::nullopt;
    }

    /// The least latency. O(predecessors * blocks), where memory limits more.
    [[nodiscard]] std::optional<line_division> least_latency() {
        std::size_t best = no_id;
        double least = infinity;
        for (std::size_t n = 0; n < states_.size(); ++n) {
            find_arrivals(n);
            find_ends(n);
            const double end = at(n, tables_.blocks()) + delay_to_sink(n);
            if (end < least) least = end, best = n;
        }
        if (best == no_id) return std::nullopt;
        return trace_latency(best, least);
    }

    /// Segments priced so far.
    [[nodiscard]] std::size_t steps() const noexcept { return steps_; }

  private:
    static constexpr double infinity = line_tables::infinity;

    [[nodiscard]] double& at(std::size_t node, std::size_t cut) { return value_[node * width_ + cut]; }
    [[nodiscard]] double source_rate(std::size_t n) const {
        return tables_.rate(tables_.problem().source, states_.device(n));
    }
    [[nodiscard]] double delay_to_sink(std::size_t n) const {
        return tables_.delay(states_.device(n), tables_.problem().sink, tables_.bytes(tables_.blocks()));
    }
    /// Between two devices; two of one kind where the kinds are the same.
    [[nodiscard]] std::pair<device_id, device_id> ends_of(std::size_t p, std::size_t n) const {
        const auto& to = states_.kinds()[states_[n].kind];
        if (states_[p].kind != states_[n].kind) return {states_.device(p), to.front()};
        return {to.front(), to.size() > 1 ? to[1] : to.front()};
    }

    /// rates_ [kind, kind]
    void price_predecessors() {
        const std::size_t kinds = states_.kinds().size();
        rates_.assign(kinds * kinds, 0.0);
        for (std::size_t a = 0; a < kinds; ++a)
            for (std::size_t b = 0; b < kinds; ++b) {
                const auto& from = states_.kinds()[a];
                const auto& to = states_.kinds()[b];
                const device_id other = a == b ? (to.size() > 1 ? to[1] : no_id) : to.front();
                rates_[a * kinds + b] = tables_.rate(from.front(), other);
            }
    }
    [[nodiscard]] double rate(std::size_t p, std::size_t n) const {
        return rates_[states_[p].kind * states_.kinds().size() + states_[n].kind];
    }
    /// Seconds that a cut's tensors occupy a way; no way is no way, however little there is to send.
    [[nodiscard]] double load(double rate, std::size_t cut) const {
        return rate == infinity ? infinity : rate * tables_.bytes(cut);
    }

    // --- largest load

    [[nodiscard]] std::optional<line_division> halve(double low, double high, double& bound) {
        std::optional<line_division> best = within(high);
        if (!best) return bound = high, std::nullopt;
        if (high < infinity &&
            best->value >= high * (1.0 - 1e-5)) {  // whoever asks may know the best one already
            const double limit = best->value * (1.0 - 1e-9);
            auto better = within(limit);
            if (!better) return bound = limit, best;
            best = std::move(better);
        }
        while (best->value > low * (1.0 + 1e-9) && best->value > 0.0) {
            const bool close = best->value <= low * (1.0 + 1e-7);
            const double limit = close ? best->value * (1.0 - 1e-9) : low + (best->value - low) / 2.0;
            if (auto better = within(limit)) best = std::move(better);
            else low = std::max(low, limit);
        }
        bound = std::min(low, best->value);
        return best;
    }

    [[nodiscard]] bool may_work(device_id d) const {
        return d != no_id && std::any_of(states_.kinds().begin(), states_.kinds().end(),
                                         [&](const alike_devices& kind) { return kind.front() == d; });
    }
    /// Whether what the source sends to the first device may add to what its own segment sends: always where sends are
    /// serial, else where it is the last and the sink the first.
    [[nodiscard]] bool source_may_work() const {
        return may_work(tables_.problem().source) && (serial_ || may_work(tables_.problem().sink));
    }
    /// Only divisions whose first segment is on a device of that kind, to which the source sends.
    void begin_with(std::size_t kind) {
        first_kind_ = kind;
        source_seconds_ = load(tables_.rate(tables_.problem().source, states_.kinds()[kind].front()), 0);
    }
    [[nodiscard]] bool may_begin(std::size_t n) const {
        return states_[n].first && (first_kind_ == no_id || states_[n].kind == first_kind_) &&
               load(source_rate(n), 0) <= limit_;
    }
    /// What a device does besides its segment.
    [[nodiscard]] double besides(device_id d) const {
        return serial_ && d == tables_.problem().source ? source_seconds_ : 0.0;
    }
    /// Seconds that the way from a node's device to the sink is occupied where that device is the last.
    [[nodiscard]] double delivery(std::size_t n) const {
        const device_id d = states_.device(n), sink = tables_.problem().sink;
        const bool shared = !serial_ && first_kind_ != no_id && d == tables_.problem().source && d != sink &&
                            states_.kinds()[first_kind_].front() == sink;
        return load(tables_.rate(d, sink), tables_.blocks()) + (shared ? source_seconds_ : 0.0);
    }

    /// The first block with which a segment on a device may begin that ends at a cut.
    [[nodiscard]] std::size_t reach(device_id d, std::size_t cut) const {
        const auto& work = tables_.work(d);
        const double most = limit_ - besides(d);
        const auto too_far = [&](double before) { return work[cut] - before > most; };
        const auto end = work.begin() + static_cast<std::ptrdiff_t>(cut);
        const auto first = std::partition_point(work.begin(), end, too_far);
        return std::max(static_cast<std::size_t>(first - work.begin()), tables_.allowed_from(d)[cut]);
    }

    void find_needs() {
        need_.assign(states_.rests().back().rest + 1, tables_.blocks());
        for (const auto& step : states_.rests())
            need_[step.rest] =
                std::min(need_[step.rest], reach(states_.kinds()[step.kind].front(), need_[step.without]));
    }

    /// Node n's loads: 0 where it can be done with its segment at a cut (serial: the least compute of that segment),
    /// else infinite.
    void find_loads(std::size_t n) {
        double* mine = &at(n, 0);
        const std::size_t m = tables_.blocks();
        low_[n] = m + 1, high_[n] = 0;
        begins_.assign(m, 0);
        std::size_t first = m, last_begin = 0;
        if (may_begin(n)) begins_[0] = 1, first = 0;
        states_.for_each_before(n, [&](std::size_t p) {
            const double* before = &at(p, 0);
            const double seconds = rate(p, n);
            if (seconds == infinity) return true;
            const std::size_t end = std::min(high_[p] + 1, m);
            for (std::size_t cut = low_[p]; cut < end; ++cut)
                if (before[cut] + seconds * tables_.bytes(cut) <= limit_) begins_[cut] = 1;
            first = std::min(first, low_[p]);
            if (low_[p] < end) last_begin = std::max(last_begin, end - 1);
            return true;
        });
        steps_ += m;
        if (first < m) place_segments(n, first, last_begin, mine);
    }

    void place_segments(std::size_t n, std::size_t first, std::size_t last_begin, double* mine) {
        const std::size_t m = tables_.blocks();
        const device_id d = states_.device(n);
        const auto& work = tables_.work(d);
        const auto& allowed = tables_.allowed_from(d);
        const bool limited = tables_.is_limited(d);
        const double most = limit_ - besides(d);
        previous_.resize(m + 1);
        std::size_t last = no_id, next = first;
        std::size_t cut = std::max(tables_.least_end(first), need_[states_[n].rest]);
        std::size_t within = cut <= m ? reach(d, cut) : m;
        for (; cut <= m; ++cut) {
            for (; next < m && tables_.least_end(next) <= cut; ++next)
                if (begins_[next] != 0) previous_[next] = last, last = next;
            while (within < cut && work[cut] - work[within] > most) ++within;
            const std::size_t least = std::max(within, allowed[cut]);
            mine[cut] = infinity;
            if (next > last_begin && (last == no_id || last < least)) break;
            std::size_t begin = last;
            if (limited) begin = fitting(d, begin, cut, least);
            if (begin == no_id || begin < least) continue;
            mine[cut] = serial_ ? work[cut] - work[begin] + besides(d) : 0.0;
            if (low_[n] > cut) low_[n] = cut;
            high_[n] = cut;
        }
    }

    /// The last beginning, not behind `begin`, from which a segment up to the cut fits the device's memory.
    [[nodiscard]] std::size_t fitting(device_id d, std::size_t begin, std::size_t cut, std::size_t least) {
        const double capacity = tables_.problem().memory_capacity[d];
        for (; begin != no_id && begin >= least; begin = previous_[begin]) {
            const double held = tables_.held(d, begin, cut);
            if (held + tables_.queued(begin, cut) <= capacity) return begin;
            if (held > capacity) return no_id;
        }
        return no_id;
    }

    [[nodiscard]] bool ends_within(std::size_t n) {
        const std::size_t m = tables_.blocks();
        if (high_[n] != m) return false;
        return at(n, m) + delivery(n) <= limit_;
    }

    /// The division that ends at a node, found backwards, with its largest load.
    [[nodiscard]] line_division trace(std::size_t n) {
        line_division found{{tables_.blocks()}, {}, 0.0};
        std::vector<std::size_t> used(states_.kinds().size(), 0);
        double sending = delivery(n);
        while (true) {
            const std::size_t end = found.cuts.back();
            const auto [begin, before] = origin(n, end);
            const auto& kind = states_.kinds()[states_[n].kind];
            const auto& work = tables_.work(kind.front());
            const double compute = work[end] - work[begin] + besides(kind.front());
            found.value = std::max(found.value, serial_ ? compute + sending : std::max(compute, sending));
            found.cuts.push_back(begin);
            found.devices.push_back(kind[used[states_[n].kind]++]);
            if (before == no_id) break;
            sending = load(rate(before, n), begin);
            n = before;
        }
        found.value = std::max(found.value, load(source_rate(n), 0));
        std::reverse(found.cuts.begin(), found.cuts.end());
        std::reverse(found.devices.begin(), found.devices.end());
        return found;
    }

    /// With which block a node's segment that ends at a cut begins, and whose it was before.
    [[nodiscard]] std::pair<std::size_t, std::size_t> origin(std::size_t n, std::size_t end) {
        const device_id d = states_.device(n);
        const std::size_t least = reach(d, end);
        for (std::size_t begin = end; begin-- > least;) {
            if (tables_.least_end(begin) > end || !tables_.fits(d, begin, end)) continue;
            if (begin == 0) {
                if (may_begin(n)) return {0, no_id};
                break;
            }
            std::size_t found = no_id;
            states_.for_each_before(n, [&](std::size_t p) {
                const bool reached =
                    begin >= low_[p] && begin <= high_[p] && at(p, begin) + load(rate(p, n), begin) <= limit_;
                if (reached) found = p;
                return !reached;
            });
            if (found != no_id) return {begin, found};
        }
        return {0, no_id};
    }

    // --- latency

    /// arrivals_[cut]: when what crosses the cut can be on node n's device.
    void find_arrivals(std::size_t n) {
        const std::size_t m = tables_.blocks();
        const instance& problem = tables_.problem();
        arrivals_.assign(m, infinity);
        if (states_[n].first)
            arrivals_[0] = tables_.delay(problem.source, states_.device(n), tables_.bytes(0));
        const double* bytes = tables_.cuts().bytes.data();
        states_.for_each_before(n, [&](std::size_t p) {
            const auto [from, to] = ends_of(p, n);
            if (rate(p, n) == infinity) return true;
            const double fixed = problem.latency(from, to), each = problem.seconds_per_byte(from, to);
            const double* before = &at(p, 0);
            for (std::size_t cut = 1; cut < m; ++cut)
                arrivals_[cut] = std::min(arrivals_[cut], before[cut] + (fixed + each * bytes[cut]));
            return true;
        });
    }

    /// When node n's segment can be done, for every cut at its end. Beginnings that another one is as good as for all
    /// that follows are dropped.
    void find_ends(std::size_t n) {
        const device_id d = states_.device(n);
        const auto& work = tables_.work(d);
        const auto& from = tables_.allowed_from(d);
        const bool limited = tables_.is_limited(d);
        open_.clear();
        std::size_t next = 0, opened = 0;  // beginnings before it are out of memory's or the rules' reach
        at(n, 0) = infinity;
        for (std::size_t cut = 1; cut < width_; ++cut) {
            for (; next + 1 < width_ && tables_.least_end(next) <= cut; ++next)
                if (arrivals_[next] < infinity) open(next, arrivals_[next] - work[next], limited, opened);
            while (opened < open_.size() && open_[opened].begin < from[cut]) ++opened;
            double best = infinity;
            for (std::size_t i = opened; i < open_.size(); ++i) {
                if (open_[i].value >= best) continue;
                if (limited && !tables_.fits(d, open_[i].begin, cut)) {
                    if (i == opened &&
                        tables_.held(d, open_[i].begin, cut) > tables_.problem().memory_capacity[d])
                        ++opened;
                    continue;
                }
                best = open_[i].value;
                if (!limited) break;  // they ascend
            }
            ++steps_;
            at(n, cut) = best + work[cut];
        }
    }

    struct beginning {
        std::size_t begin = 0;
        double value = 0.0;  ///< arrival minus the work before it
    };
    void open(std::size_t begin, double value, bool limited, std::size_t opened) {
        const auto worse = [&](const beginning& b) {
            return b.value >= value && (!limited || tables_.bytes(b.begin) >= tables_.bytes(begin));
        };
        while (open_.size() > opened && worse(open_.back())) open_.pop_back();
        open_.push_back({begin, value});
    }

    [[nodiscard]] line_division trace_latency(std::size_t n, double value) {
        line_division found{{tables_.blocks()}, {}, value};
        std::vector<std::size_t> used(states_.kinds().size(), 0);
        while (true) {
            const std::size_t end = found.cuts.back();
            const auto& kind = states_.kinds()[states_[n].kind];
            const device_id d = kind.front();
            find_arrivals(n);
            std::size_t begin = 0;
            double best = infinity;
            for (std::size_t b = tables_.allowed_from(d)[end]; b < end; ++b) {
                const double done = arrivals_[b] + (tables_.work(d)[end] - tables_.work(d)[b]);
                if (done < best && tables_.least_end(b) <= end && tables_.fits(d, b, end))
                    best = done, begin = b;
            }
            found.cuts.push_back(begin);
            found.devices.push_back(kind[used[states_[n].kind]++]);
            if (begin == 0) break;
            n = arrival_from(n, begin);
        }
        std::reverse(found.cuts.begin(), found.cuts.end());
        std::reverse(found.devices.begin(), found.devices.end());
        return found;
    }

    /// The predecessor from which what crosses a cut is there first.
    [[nodiscard]] std::size_t arrival_from(std::size_t n, std::size_t cut) {
        std::size_t best = no_id;
        double least = infinity;
        states_.for_each_before(n, [&](std::size_t p) {
            const auto [from, to] = ends_of(p, n);
            const double there = at(p, cut) + tables_.delay(from, to, tables_.bytes(cut));
            if (there < least) least = there, best = p;
            return true;
        });
        return best;
    }

    const line_tables& tables_;
    const line_states& states_;
    std::size_t width_;
    bool serial_;
    std::vector<double> value_;            // [node, cut]
    std::vector<std::size_t> low_, high_;  // [node] cuts that it reaches
    std::vector<double> rates_{};          // [kind, kind]
    double limit_ = 0.0;
    std::size_t first_kind_ = no_id;  // of the first segment's device; no_id: any
    double source_seconds_ = 0.0;     // serial: of sending the model's inputs
    std::size_t steps_ = 0;
    std::vector<std::size_t> need_{};      // [rest] no fewer blocks done leave what the devices left can do
    std::vector<std::uint8_t> begins_{};   // [cut]
    std::vector<std::size_t> previous_{};  // [cut] the beginning before it
    std::vector<double> arrivals_{};       // [cut]
    std::vector<beginning> open_{};
};

}  // namespace dispart::detail
