#pragma once
/// \file
/// An instance with `load_model::nets` as the searches see it: atoms (layers that share a device), nets (tensors as sets
/// of atoms) and kinds of devices that are alike.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dispart/core/csr.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::detail {

/// Devices that are alike in everything.
struct machine_kind {
    double seconds_per_byte = 0.0;  ///< of a shared tensor
    double capacity = 0.0;          ///< bytes of weights
    bool unlimited = false;
    std::vector<device_id> devices{};
};

/// Atoms 0..count-1, each of one or more layers. Nets hold two atoms or more; equal nets are one.
struct atom_problem {
    std::vector<std::size_t> atom{};  ///< [layer]
    std::vector<machine_kind> kinds{};
    std::vector<double> seconds{};  ///< [atom * kinds + kind]; infinite where not allowed
    std::vector<double> weight{};   ///< [atom] bytes
    csr pins{};                     ///< net -> atoms, ascending
    csr nets{};                     ///< atom -> nets, ascending
    std::vector<double> bytes{};    ///< [net]

    [[nodiscard]] std::size_t size() const noexcept { return weight.size(); }
    [[nodiscard]] double on(std::size_t a, std::size_t kind) const {
        return seconds[a * kinds.size() + kind];
    }
    [[nodiscard]] std::size_t device_count() const {
        std::size_t sum = 0;
        for (const auto& k : kinds) sum += k.devices.size();
        return sum;
    }
};

[[nodiscard]] inline std::vector<machine_kind> device_kinds(const instance& p) {
    std::map<std::tuple<std::size_t, double, double, bool>, std::size_t> known;
    std::vector<machine_kind> kinds;
    for (device_id d = 0; d < p.device_count(); ++d) {
        const double rate = p.net_seconds_per_byte[d], capacity = p.memory_capacity[d];
        const bool many = is_unlimited(p, d);
        const auto [at, is_new] = known.try_emplace({p.device_class[d], rate, capacity, many}, kinds.size());
        if (is_new) kinds.push_back({rate, capacity, many, {}});
        kinds[at->second].devices.push_back(d);
    }
    return kinds;
}

/// Numbers from 0 for the values of `label`, in order of first appearance.
inline std::size_t renumber(std::vector<std::size_t>& label) {
    std::size_t next = 0;
    std::map<std::size_t, std::size_t> number;
    for (std::size_t& l : label) {
        const auto [at, is_new] = number.try_emplace(l, next);
        if (is_new) ++next;
        l = at->second;
    }
    return next;
}

/// Nets from lists of atoms: sorted, of two atoms or more, equal ones added up; then the nets of each atom.
inline void set_nets(atom_problem& out, std::vector<std::pair<std::vector<std::size_t>, double>> nets) {
    for (auto& [atoms, size] : nets) {
        std::sort(atoms.begin(), atoms.end());
        atoms.erase(std::unique(atoms.begin(), atoms.end()), atoms.end());
    }
    std::erase_if(nets, [](const auto& net) { return net.first.size() < 2 || net.second <= 0.0; });
    std::sort(nets.begin(), nets.end());
    std::vector<std::vector<std::size_t>> of_atom(out.size());
    out.pins = csr{};
    out.bytes.clear();
    for (std::size_t i = 0; i < nets.size(); ++i) {
        if (i > 0 && nets[i].first == nets[i - 1].first) {
            out.bytes.back() += nets[i].second;
            continue;
        }
        for (const std::size_t a : nets[i].first) of_atom[a].push_back(out.bytes.size());
        out.pins.push_back(nets[i].first);
        out.bytes.push_back(nets[i].second);
    }
    out.nets = csr(of_atom);
}

/// The problem with atoms joined. \param group [atom] numbers 0..count-1
[[nodiscard]] inline atom_problem joined(const atom_problem& p, const std::vector<std::size_t>& group,
                                         std::size_t count) {
    atom_problem out;
    out.kinds = p.kinds;
    for (const std::size_t a : p.atom) out.atom.push_back(group[a]);
    out.weight.assign(count, 0.0);
    out.seconds.assign(count * p.kinds.size(), 0.0);
    for (std::size_t a = 0; a < p.size(); ++a) {
        out.weight[group[a]] += p.weight[a];
        for (std::size_t k = 0; k < p.kinds.size(); ++k)
            out.seconds[group[a] * p.kinds.size() + k] += p.on(a, k);
    }
    std::vector<std::pair<std::vector<std::size_t>, double>> nets;
    nets.reserve(p.bytes.size());
    for (std::size_t n = 0; n < p.bytes.size(); ++n) {
        auto& [atoms, size] = nets.emplace_back(std::vector<std::size_t>{}, p.bytes[n]);
        for (const std::size_t a : p.pins[n]) atoms.push_back(group[a]);
    }
    set_nets(out, std::move(nets));
    return out;
}

/// One atom for each group of layers that must share a device. Precondition: `validate(p)` holds, the load model is nets.
[[nodiscard]] inline atom_problem atoms_of(const instance& p) {
    constexpr double never = std::numeric_limits<double>::infinity();
    atom_problem out;
    out.atom.resize(p.layer_count());
    for (layer_id l = 0; l < p.layer_count(); ++l) {
        const bool free = p.together.empty() || p.together[l] == no_id;
        out.atom[l] = free ? 2 * l : 2 * p.together[l] + 1;
    }
    const std::size_t count = renumber(out.atom);
    out.kinds = device_kinds(p);
    out.weight.assign(count, 0.0);
    out.seconds.assign(count * out.kinds.size(), 0.0);
    for (layer_id l = 0; l < p.layer_count(); ++l) {
        out.weight[out.atom[l]] += p.weight_bytes[l];
        for (std::size_t k = 0; k < out.kinds.size(); ++k) {
            const device_id d = out.kinds[k].devices.front();
            out.seconds[out.atom[l] * out.kinds.size() + k] += p.is_allowed(l, d) ? p.compute(l, d) : never;
        }
    }
    std::vector<std::pair<std::vector<std::size_t>, double>> nets;
    for (tensor_id t = 0; t < p.tensor_count(); ++t) {
        auto& [atoms, size] = nets.emplace_back(std::vector<std::size_t>{}, p.tensor_bytes[t]);
        if (p.producer[t] != no_id) atoms.push_back(out.atom[p.producer[t]]);
        for (const layer_id l : p.consumers[t]) atoms.push_back(out.atom[l]);
    }
    set_nets(out, std::move(nets));
    return out;
}

/// The device of each layer. \param device [atom]
[[nodiscard]] inline assignment spread(const atom_problem& p, const std::vector<device_id>& device) {
    assignment out;
    for (const std::size_t a : p.atom) out.push_back(device[a]);
    return out;
}

/// What a search found, judged by `evaluate_assignment`. \param best [atom]; empty where it found nothing
/// Errors: infeasible where it found nothing; those of `evaluate_assignment`.
[[nodiscard]] inline result<placement> placement_of(const instance& problem, const atom_problem& atoms,
                                                    const std::vector<device_id>& best, std::size_t steps,
                                                    objective goal, std::string algorithm) {
    if (best.empty())
        return fail(errc::infeasible, "instance", "no assignment that fits the devices was found");
    placement out{.devices = spread(atoms, best), .algorithm = std::move(algorithm), .steps = steps};
    DISPART_TRY(const auto achieved, evaluate_assignment(problem, out.devices, goal));
    out.value = achieved.value;
    return out;
}

}  // namespace dispart::detail
