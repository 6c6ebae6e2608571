#pragma once
/// \file
/// Search for the smallest latency of one request under `load_model::nets`.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/contiguous.hpp"
#include "dispart/partition/detail/coarsen.hpp"
#include "dispart/partition/detail/device_choices.hpp"
#include "dispart/partition/linearised.hpp"
#include "dispart/partition/local_search.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

struct latency_options {
    search_budget budget{};
    std::size_t orders = 32;  ///< topological orders whose intervals are starts
    std::uint64_t seed = 1;
    assignment start{};  ///< to improve on; others are made besides
};

namespace detail {

/// The latency of assignments of atoms, as `evaluate_assignment` defines it, without its checks.
class latency_model {
  public:
    latency_model(const instance& p, const atom_problem& atoms)
        : atoms_(atoms)
        , first_free_(p.device_count()) {
        for (device_id d = 0; d < p.device_count(); ++d) rate_.push_back(p.net_seconds_per_byte[d]);
        kind_.resize(p.device_count());
        for (std::size_t k = 0; k < atoms.kinds.size(); ++k)
            for (const device_id d : atoms.kinds[k].devices) kind_[d] = k;
        std::vector<std::vector<std::size_t>> readers(p.layer_count()), sizes(p.layer_count());
        for (layer_id l = 0; l < p.layer_count(); ++l) {
            for (std::size_t k = 0; k < atoms.kinds.size(); ++k)
                seconds_.push_back(p.compute(l, atoms.kinds[k].devices.front()));
            tensors_.push_back(p.writes[l]);
        }
        for (tensor_id t = 0; t < p.tensor_count(); ++t) {
            readers_.push_back(p.consumers[t]);
            bytes_.push_back(p.tensor_bytes[t]);
        }
        step_.resize(p.layer_count());
        const std::size_t steps = p.device_count() + p.layer_count();
        length_.resize(steps), start_.resize(steps), waiting_.resize(steps), mark_.resize(steps);
        next_begin_.resize(steps + 1);
    }

    [[nodiscard]] std::size_t kind(device_id d) const { return kind_[d]; }
    [[nodiscard]] bool is_unlimited(device_id d) const { return atoms_.kinds[kind_[d]].unlimited; }

    /// Infinite where devices wait for one another in a circle. O(layers + tensors read + devices).
    [[nodiscard]] double latency(const std::vector<device_id>& device) {
        const std::size_t layers = step_.size();
        std::fill(length_.begin(), length_.end(), 0.0);
        std::fill(start_.begin(), start_.end(), 0.0);
        std::fill(waiting_.begin(), waiting_.end(), 0U);
        std::fill(mark_.begin(), mark_.end(), no_id);
        std::fill(next_begin_.begin(), next_begin_.end(), 0U);
        for (layer_id l = 0; l < layers; ++l) {
            const device_id d = device[atoms_.atom[l]];
            step_[l] = is_unlimited(d) ? first_free_ + l : d;
            length_[step_[l]] += seconds_[l * atoms_.kinds.size() + kind_[d]];
        }
        edges_.clear();
        for (layer_id l = 0; l < layers; ++l)
            for (const tensor_id t : tensors_[l]) charge(device, l, t);
        return longest();
    }

  private:
    /// Adds what a tensor costs the steps that share it, and the edges between them.
    void charge(const std::vector<device_id>& device, layer_id maker, tensor_id t) {
        const std::size_t from = step_[maker];
        bool leaves = false;
        for (const layer_id l : readers_[t]) {
            const std::size_t to = step_[l];
            if (to == from || mark_[to] == t) continue;
            mark_[to] = t;
            leaves = true;
            length_[to] += bytes_[t] * rate_[device[atoms_.atom[l]]];
            edges_.emplace_back(static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to));
            ++waiting_[to];
            ++next_begin_[from + 1];
        }
        if (leaves) length_[from] += bytes_[t] * rate_[device[atoms_.atom[maker]]];
    }

    [[nodiscard]] double longest() {
        const std::size_t steps = length_.size();
        for (std::size_t s = 0; s < steps; ++s) next_begin_[s + 1] += next_begin_[s];
        next_.resize(edges_.size());
        fill_.assign(next_begin_.begin(), next_begin_.end() - 1);
        for (const auto& [from, to] : edges_) next_[fill_[from]++] = to;
        ready_.clear();
        for (std::size_t s = 0; s < steps; ++s)
            if (waiting_[s] == 0) ready_.push_back(s);
        double last = 0.0;
        for (std::size_t i = 0; i < ready_.size(); ++i) {
            const std::size_t s = ready_[i];
            const double end = start_[s] + length_[s];
            last = std::max(last, end);
            for (std::size_t e = next_begin_[s]; e < next_begin_[s + 1]; ++e) {
                const std::size_t to = next_[e];
                start_[to] = std::max(start_[to], end);
                if (--waiting_[to] == 0) ready_.push_back(to);
            }
        }
        return ready_.size() == steps ? last : std::numeric_limits<double>::infinity();
    }

    const atom_problem& atoms_;
    std::size_t first_free_;           ///< steps of layers on unlimited devices are numbered from here
    std::vector<double> rate_{};       ///< [device]
    std::vector<std::size_t> kind_{};  ///< [device]
    std::vector<double> seconds_{};    ///< [layer * kinds + kind]
    csr tensors_{};                    ///< layer -> tensors it makes
    csr readers_{};                    ///< tensor -> layers
    std::vector<double> bytes_{};      ///< [tensor]
    std::vector<std::size_t> step_{};  ///< [layer]
    std::vector<double> length_{};     ///< [step]
    std::vector<double> start_{};      ///< [step]
    std::vector<std::uint32_t> waiting_{}, next_begin_{}, fill_{}, next_{};
    std::vector<std::size_t> mark_{};  ///< [step] the last tensor charged
    std::vector<std::size_t> ready_{};
    std::vector<std::pair<std::uint32_t, std::uint32_t>> edges_{};
};

/// Anneals the latency, moving groups of atoms.
class latency_annealer {
  public:
    latency_annealer(latency_model& model, const atom_problem& finest, stop_watch& watch, fast_random& random)
        : model_(model)
        , finest_(finest)
        , watch_(watch)
        , random_(random) {}

    /// \param p the groups as a problem \param members group -> atoms of the finest problem
    /// \param device [group] the start \return the best met
    [[nodiscard]] std::vector<device_id> run(const atom_problem& p, const csr& members,
                                             std::vector<device_id> device, double hottest, double coldest,
                                             double share) {
        p_ = &p, members_ = &members;
        group_device_ = std::move(device);
        device_.assign(finest_.size(), 0);
        weight_.assign(p.device_count(), 0.0);
        for (std::size_t g = 0; g < p.size(); ++g) {
            weight_[group_device_[g]] += p.weight[g];
            for (const std::size_t a : members[g]) device_[a] = group_device_[g];
        }
        double value = model_.latency(device_);
        auto best = group_device_;
        double best_value = value;
        const double begin = watch_.used();
        double temperature = hottest;
        for (std::size_t i = 0; !watch_.step(); ++i) {
            if (i % 256 == 0) {
                const double used = (watch_.used() - begin) / share;
                if (used >= 1.0) break;
                temperature = hottest * std::exp(used * std::log(coldest / hottest));
            }
            propose();
            if (undo_.empty()) continue;
            const double after = model_.latency(device_);
            if (after <= value || after < value * (1.0 - temperature * std::log(random_.uniform()))) {
                value = after;
                if (value < best_value * (1.0 - 1e-12)) best_value = value, best = group_device_;
            } else {
                while (!undo_.empty()) {
                    place(undo_.back().first, undo_.back().second);
                    undo_.pop_back();
                }
            }
        }
        value_ = best_value;
        return best;
    }
    [[nodiscard]] double value() const noexcept { return value_; }

  private:
    void place(std::size_t g, device_id d) {
        weight_[group_device_[g]] -= p_->weight[g];
        weight_[d] += p_->weight[g];
        group_device_[g] = d;
        for (const std::size_t a : (*members_)[g]) device_[a] = d;
    }
    void go(std::size_t g, device_id to) {
        const device_id from = group_device_[g];
        const std::size_t k = model_.kind(to);
        if (from == to || !(p_->on(g, k) < std::numeric_limits<double>::infinity()) ||
            weight_[to] + p_->weight[g] > p_->kinds[k].capacity * (1.0 + 1e-12))
            return;
        undo_.emplace_back(g, from);
        place(g, to);
    }
    /// A device that holds a neighbour, or now and then any.
    device_id near(std::size_t g) {
        const auto nets = p_->nets[g];
        if (!nets.empty() && random_.index(6) != 0) {
            const auto pins = p_->pins[nets[random_.index(nets.size())]];
            const device_id d = group_device_[pins[random_.index(pins.size())]];
            if (d != group_device_[g]) return d;
        }
        return random_.index(p_->device_count());
    }

    /// One group; two that change places; or a run of neighbours in the order of numbers, which is topological.
    void propose() {
        undo_.clear();
        const std::size_t dice = random_.index(8), g = random_.index(p_->size());
        if (dice < 4) {
            go(g, near(g));
        } else if (dice < 5) {
            const std::size_t other = random_.index(p_->size());
            const device_id a = group_device_[g], b = group_device_[other];
            go(g, b);
            if (!undo_.empty()) go(other, a);
        } else {
            const device_id from = group_device_[g], to = near(g);
            const std::size_t length = 2 + random_.index(std::size_t{1} << (1 + random_.index(5)));
            const bool up = random_.index(2) == 0;
            std::size_t at = g;
            for (std::size_t i = 0; i < length; ++i) {
                if (group_device_[at] == from) go(at, to);
                if (up ? ++at == p_->size() : at-- == 0) break;
            }
        }
    }

    latency_model& model_;
    const atom_problem& finest_;
    stop_watch& watch_;
    fast_random& random_;
    const atom_problem* p_ = nullptr;
    const csr* members_ = nullptr;
    std::vector<device_id> group_device_{};
    std::vector<device_id> device_{};  ///< [atom of the finest problem]
    std::vector<double> weight_{};     ///< [device]
    std::vector<std::pair<std::size_t, device_id>> undo_{};
    double value_ = 0.0;
};

/// Cycles of annealing, each over levels of joined atoms.
class latency_cycles {
  public:
    latency_cycles(const instance& problem, const atom_problem& atoms, const search_budget& budget,
                   std::uint64_t seed)
        : p_(atoms)
        , model_(problem, atoms)
        , watch_(budget)
        , random_(seed) {
        limits_.most_work = std::numeric_limits<double>::infinity();
        limits_.most_weight = std::numeric_limits<double>::infinity();
        for (const machine_kind& k : atoms.kinds)
            limits_.most_weight = std::min(limits_.most_weight, 0.3 * k.capacity);
    }

    void offer(std::vector<device_id> device) {
        const double value = model_.latency(device);
        if (value < value_) value_ = value, best_ = std::move(device);
    }
    void run(double enough, std::size_t cycles = 10) {
        for (std::size_t i = 0; !watch_.is_over() && value_ > enough * (1.0 + 1e-9) && !best_.empty(); ++i)
            cycle(i, (1.0 - watch_.used()) / static_cast<double>(i < cycles ? cycles - i : 1));
    }
    [[nodiscard]] const std::vector<device_id>& best() const noexcept { return best_; }
    [[nodiscard]] std::size_t steps() const noexcept { return watch_.steps(); }

  private:
    void cycle(std::size_t number, double share) {
        const std::size_t least = number % 2 == 0 ? p_.size() : 3 * p_.device_count() + 8;
        const auto levels = hierarchy(p_, limits_, least, random_, best_);
        std::vector<std::size_t> group(p_.size());
        std::iota(group.begin(), group.end(), std::size_t{0});
        std::vector<std::vector<std::size_t>> groups{group};
        for (const coarse_level& level : levels) {
            for (std::size_t& g : group) g = level.group[g];
            groups.push_back(group);
        }
        auto device = best_;
        double hottest = number % 4 < 2 ? 0.05 : 0.01;
        for (std::size_t l = groups.size(); l-- > 0; hottest *= 0.5) {
            const atom_problem& problem = l == 0 ? p_ : levels[l - 1].problem;
            std::vector<std::vector<std::size_t>> members(problem.size());
            std::vector<device_id> coarse(problem.size(), 0);
            for (std::size_t a = 0; a < p_.size(); ++a) {
                members[groups[l][a]].push_back(a);
                coarse[groups[l][a]] = device[a];
            }
            latency_annealer anneal(model_, p_, watch_, random_);
            coarse = anneal.run(problem, csr(members), coarse, hottest, 1e-5,
                                share / static_cast<double>(groups.size()));
            for (std::size_t a = 0; a < p_.size(); ++a) device[a] = coarse[groups[l][a]];
        }
        offer(std::move(device));
    }

    const atom_problem& p_;
    latency_model model_;
    stop_watch watch_;
    fast_random random_;
    coarsening limits_{};
    std::vector<device_id> best_{};
    double value_ = std::numeric_limits<double>::infinity();
};

/// Blocks in one topological order, filled into one device after the other as far as their memory goes; what is left goes
/// to unlimited devices. Empty where some block fits nowhere.
[[nodiscard]] inline std::vector<device_id> filled(const block_problem& blocks,
                                                   const std::vector<std::size_t>& order) {
    const atom_problem& p = blocks.problem;
    std::vector<device_id> out(p.size(), no_id);
    std::size_t kind = 0, device = 0;
    double used = 0.0;
    for (const std::size_t b : order) {
        const auto full = [&] {
            return !p.kinds[kind].unlimited && used + p.weight[b] > p.kinds[kind].capacity * (1.0 + 1e-12);
        };
        while (kind < p.kinds.size() && full()) {
            used = 0.0;
            if (++device == p.kinds[kind].devices.size()) device = 0, ++kind;
            if (kind == p.kinds.size()) return {};
        }
        if (!(p.on(b, kind) < std::numeric_limits<double>::infinity())) return {};
        out[b] = p.kinds[kind].devices[device];
        used += p.weight[b];
    }
    return out;
}

/// Topological orders filled into devices, and the best intervals of some.
template <class Offer>
void offer_starts(const block_problem& blocks, const latency_options& options, Offer offer) {
    const auto give = [&](const std::vector<device_id>& device) {
        if (!device.empty()) offer(spread(blocks.problem, device));
    };
    random_source random(options.seed);
    for (std::size_t i = 0; i < options.orders; ++i)
        give(filled(blocks, block_order(blocks, i % 2 == 0, i < 2 ? nullptr : &random)));
    const device_counts counts(blocks.problem);
    if (blocks.problem.kinds.size() > most_kinds || counts.size() > 65536) return;
    give(best_intervals(blocks, counts, options.orders, options.seed, interval_goal::sum).device);
    give(best_intervals(blocks, counts, options.orders, options.seed).device);
}

}  // namespace detail

/// Makes the latency of one request small (`load_model::nets`).
///
/// Starts: topological orders filled into devices as memory allows, and their best divisions into intervals that run one
/// after the other; then cycles of simulated annealing that move layers, pairs and runs of layers, at several levels of
/// joined layers. Every assignment tried is judged as a whole, in O(layers + tensors read + devices).
/// Errors: invalid_argument (another load model, no layers), infeasible (nothing that fits was found). Heuristic: `bound` is 0. Repeatable where the budget is one of steps.
/// Source of the model: Tarnawski et al., NeurIPS 2020, section 3 and appendix A (one part a device).
[[nodiscard]] inline result<placement> place_for_latency(const instance& problem, double enough = 0.0,
                                                         const latency_options& options = {}) {
    DISPART_CHECK(detail::check_placeable(problem));
    const detail::atom_problem atoms = detail::atoms_of(problem);
    if (detail::limits_devices(problem))
        return detail::over_device_choices(
            problem, objective::latency, options.budget,
            [&](const instance& part, const search_budget& budget) {
                return place_for_latency(part, enough,
                                         {.budget = budget, .orders = options.orders, .seed = options.seed});
            });
    detail::latency_cycles search(problem, atoms, options.budget, options.seed);
    const auto offer = [&](const assignment& start) {
        if (evaluate_assignment(problem, start, objective::latency))
            search.offer(detail::of_atoms(atoms, start));
    };
    if (!options.start.empty()) offer(options.start);
    for (const auto which : {detail::leaves::all, detail::leaves::weightless}) {
        if (which == detail::leaves::weightless && !search.best().empty()) break;
        detail::offer_starts(detail::blocks_of(problem, atoms, which), options, offer);
    }
    search.run(enough);
    return detail::placement_of(problem, atoms, search.best(), search.steps(), objective::latency,
                                "latency-annealing");
}

}  // namespace dispart
