#pragma once
/// \file
/// Simulated annealing of the largest load.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "dispart/partition/assignment.hpp"
#include "dispart/partition/detail/loads.hpp"

namespace dispart::detail {

struct annealing_schedule {
    double hottest = 0.02;  ///< relative rise of the energy that is accepted one time in e, at first
    double coldest = 1e-5;  ///< and at last
    double seconds = 1.0;   ///< how long it takes
    std::size_t steps = std::numeric_limits<std::size_t>::max();
};

/// Moves atoms one by one, in pairs, or a net's atoms together. The energy is the sum of the 32nd powers of the loads, a
/// smooth stand-in for the largest.
class annealer {
  public:
    annealer(const atom_problem& p, stop_watch& watch, std::uint64_t seed)
        : p_(p)
        , watch_(watch)
        , random_(seed) {}

    /// Anneals from a start and returns the best assignment met.
    [[nodiscard]] std::vector<device_id> run(const std::vector<device_id>& start,
                                             const annealing_schedule& schedule) {
        device_loads loads(p_, start);
        best_ = start;
        scale_ = best_value_ = loads.load(loads.busiest());
        if (!(scale_ > 0.0) || loads.device_count() < 2 || p_.size() == 0) return best_;
        stop_watch here({schedule.seconds, schedule.steps});
        notes_all_ = loads.device_count() <= 64;
        const std::size_t refresh_steps =
            std::max<std::size_t>(64, p_.bytes.size() * loads.device_count() / 65536) * 1024;
        recompute(loads);
        double temperature = schedule.hottest;
        const double span = std::log(schedule.coldest / schedule.hottest);
        for (std::size_t i = 0; !watch_.is_over() && !here.is_over(); ++i) {
            if (i % 1024 == 0) {
                temperature = schedule.hottest * std::exp(span * here.used());
                if (i % refresh_steps == 0)
                    loads.reset(std::vector<device_id>(loads.devices())), recompute(loads);
                if (!notes_all_) note(loads);
            }
            here.step();
            watch_.step();
            try_move(loads, temperature);
        }
        if (!notes_all_) note(loads);
        return best_;
    }
    [[nodiscard]] double best_value() const noexcept { return best_value_; }

  private:
    static constexpr int doublings = 5;
    static constexpr double power = 32.0;

    struct moved {
        std::size_t atom;
        device_id from;
    };

    void try_move(device_loads& loads, double temperature) {
        undo_.clear();
        const std::size_t dice = random_.index(16);
        const std::size_t atom = random_.index(p_.size());
        const auto nets = p_.nets[atom];
        const std::size_t net = nets.empty() ? no_id : nets[random_.index(nets.size())];
        if (dice < 9 || net == no_id) {
            go(loads, atom, near(loads, atom, net));
        } else if (dice < 13) {
            const std::size_t other = random_.index(p_.size());
            const device_id a = loads.of(atom), b = loads.of(other);
            if (a == b) return;
            go(loads, atom, b);
            go(loads, other, a);
        } else {
            const device_id to = near(loads, atom, net);
            const auto pins = p_.pins[net];
            if (pins.size() > 12) return;
            const device_id from = loads.of(atom);
            for (const std::size_t a : pins)
                if (dice == 13 || loads.of(a) == from) go(loads, a, to);
        }
        if (!undo_.empty()) settle(loads, temperature);
    }

    /// A device that holds a neighbour, or now and then any.
    device_id near(const device_loads& loads, std::size_t atom, std::size_t net) {
        if (net != no_id && random_.index(8) != 0) {
            const auto pins = p_.pins[net];
            const device_id d = loads.of(pins[random_.index(pins.size())]);
            if (d != loads.of(atom)) return d;
        }
        return random_.index(loads.device_count());
    }

    void go(device_loads& loads, std::size_t atom, device_id to) {
        const device_id from = loads.of(atom);
        if (from == to || !loads.fits(atom, to)) return;
        undo_.push_back({atom, from});
        loads.move(atom, to);
    }

    void settle(device_loads& loads, double temperature) {
        double change = 0.0;
        for (const moved& m : undo_) {
            change += refresh(loads, m.from);
            change += refresh(loads, loads.of(m.atom));
        }
        const double worse = change / (power * energy_);
        if (worse <= 0.0 || worse < -temperature * std::log(random_.uniform())) {
            energy_ += change;
            if (change < 0.0 && notes_all_) note(loads);
            return;
        }
        for (std::size_t i = undo_.size(); i-- > 0;) {
            const device_id now = loads.of(undo_[i].atom);
            loads.move(undo_[i].atom, undo_[i].from);
            refresh(loads, now);
            refresh(loads, undo_[i].from);
        }
    }

    void note(const device_loads& loads) {
        const double value = loads.load(loads.busiest());
        if (value >= best_value_ * (1.0 - 1e-12)) return;
        best_value_ = value;
        best_ = loads.devices();
    }

    /// The change of a device's share of the energy.
    double refresh(const device_loads& loads, device_id d) {
        double x = loads.load(d) / scale_;
        for (int i = 0; i < doublings; ++i) x *= x;
        const double before = share_[d];
        share_[d] = x;
        return x - before;
    }
    void recompute(const device_loads& loads) {
        share_.assign(loads.device_count(), 0.0);
        energy_ = 0.0;
        for (device_id d = 0; d < share_.size(); ++d) energy_ += refresh(loads, d);
    }

    const atom_problem& p_;
    stop_watch& watch_;
    fast_random random_;
    std::vector<device_id> best_{};
    double best_value_ = 0.0;
    double scale_ = 1.0;
    double energy_ = 0.0;
    bool notes_all_ = true;        ///< looks for a new best after every move; else now and then
    std::vector<double> share_{};  ///< [device] of the energy
    std::vector<moved> undo_{};
};

}  // namespace dispart::detail
