// Placement of graphs side by side: what people do by hand, METIS (best of 160 variants, where libmetis-dev is here) and our
// algorithms, on published instances. Writes Markdown: placement_study SECONDS FILE... > table.md
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#ifdef DISPART_WITH_METIS
#include <metis.h>
#endif

#include "dispart/io/file.hpp"
#include "dispart/io/json/dnn_partitioning.hpp"
#include "dispart/partition/place.hpp"

namespace {

using namespace dispart;

constexpr double none = std::numeric_limits<double>::infinity();

double value_of(const instance& p, const assignment& given) {
    const auto achieved = evaluate_assignment(p, given, objective::throughput);
    return achieved ? achieved->value : none;
}

/// Everything on one device.
double best_single(const instance& p) {
    double best = none;
    for (device_id d = 0; d < p.device_count(); ++d)
        best = std::min(best, value_of(p, assignment(p.layer_count(), d)));
    return best;
}

/// Atoms in topological order, cut where a running sum passes equal shares, onto the accelerators. \param amount [atom]
double by_shares(const instance& p, const detail::atom_problem& atoms, const std::vector<double>& amount) {
    double total = std::accumulate(amount.begin(), amount.end(), 0.0), sum = 0.0;
    const auto devices = static_cast<double>(atoms.kinds.front().devices.size());
    std::vector<device_id> device(atoms.size(), 0);
    for (std::size_t a = 0; a < atoms.size(); ++a) {
        const auto share = static_cast<std::size_t>(std::min(devices - 1.0, sum / total * devices));
        device[a] = atoms.kinds.front().devices[share];
        sum += amount[a];
    }
    return value_of(p, detail::spread(atoms, device));
}

/// Best of ten random orders, each atom to the device that then has the least load.
double greedy(const instance& p, const detail::atom_problem& atoms) {
    double best = none;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        detail::fast_random random(seed);
        if (const auto device = detail::greedy_start(atoms, random); !device.empty())
            best = std::min(best, value_of(p, detail::spread(atoms, device)));
    }
    return best;
}

#ifdef DISPART_WITH_METIS

/// The graph that METIS sees: atoms weighted with their seconds, pairs in one net joined by the net's bytes.
struct metis_graph {
    std::vector<idx_t> begin{0}, to{}, cost{}, work{}, size{};

    explicit metis_graph(const detail::atom_problem& p) {
        double most_work = 0.0, most_bytes = 0.0;
        for (std::size_t a = 0; a < p.size(); ++a)
            most_work = std::max(most_work, detail::fastest_seconds(p, a));
        for (const double b : p.bytes) most_bytes = std::max(most_bytes, b);
        const auto scaled = [](double x, double most) {
            return static_cast<idx_t>(1.0 + (most > 0.0 ? 10000.0 * x / most : 0.0));
        };
        for (std::size_t a = 0; a < p.size(); ++a) {
            std::map<std::size_t, double> shared;
            for (const std::size_t n : p.nets[a])
                for (const std::size_t b : p.pins[n])
                    if (b != a) shared[b] += p.bytes[n];
            for (const auto& [b, bytes] : shared) {
                to.push_back(static_cast<idx_t>(b));
                cost.push_back(scaled(bytes, most_bytes));
            }
            begin.push_back(static_cast<idx_t>(to.size()));
            work.push_back(scaled(detail::fastest_seconds(p, a), most_work));
            double bytes = 0.0;
            for (const std::size_t n : p.nets[a]) bytes += p.bytes[n];
            size.push_back(scaled(bytes, most_bytes));
        }
    }
};

/// Both methods, both objectives, four imbalances, ten seeds: 160 partitions into the accelerators. First: the default.
std::array<double, 2> metis(const instance& p, const detail::atom_problem& atoms) {
    metis_graph g(atoms);
    const auto& devices = atoms.kinds.front().devices;
    idx_t n = static_cast<idx_t>(atoms.size()), constraints = 1, parts = static_cast<idx_t>(devices.size()),
          cut = 0;
    std::array<double, 2> found{none, none};
    if (parts < 2) return found;
    for (const bool recursive : {false, true})
        for (const idx_t goal : {METIS_OBJTYPE_CUT, METIS_OBJTYPE_VOL})
            for (const idx_t imbalance : {30, 10, 100, 300})
                for (idx_t seed = 0; seed < 10; ++seed) {
                    std::array<idx_t, METIS_NOPTIONS> options{};
                    METIS_SetDefaultOptions(options.data());
                    options[METIS_OPTION_SEED] = seed;
                    options[METIS_OPTION_UFACTOR] = imbalance;
                    if (!recursive) options[METIS_OPTION_OBJTYPE] = goal;
                    std::vector<idx_t> part(atoms.size(), 0);
                    const auto divide = recursive ? METIS_PartGraphRecursive : METIS_PartGraphKway;
                    if (divide(&n, &constraints, g.begin.data(), g.to.data(), g.work.data(), g.size.data(),
                               g.cost.data(), &parts, nullptr, nullptr, options.data(), &cut,
                               part.data()) != METIS_OK)
                        continue;
                    std::vector<device_id> device;
                    for (const idx_t k : part) device.push_back(devices[static_cast<std::size_t>(k)]);
                    const double value = value_of(p, detail::spread(atoms, device));
                    if (found[0] == none) found[0] = value;
                    found[1] = std::min(found[1], value);
                }
    return found;
}

#else

std::array<double, 2> metis(const instance&, const detail::atom_problem&) { return {none, none}; }

#endif

std::string text(double value) {
    if (value == none) return "-";
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%.6g", value);
    return out.data();
}

void row(const std::string& file, double seconds) {
    const auto read = io::read_dnn_partitioning(io::read_text(file).value(), file);
    if (!read) {
        std::fprintf(stderr, "%s: %s\n", file.c_str(), read.error().message.c_str());
        return;
    }
    const instance& p = read->problem;
    const auto atoms = detail::atoms_of(p);
    std::vector<double> work;
    for (std::size_t a = 0; a < atoms.size(); ++a) work.push_back(detail::fastest_seconds(atoms, a));
    const auto by_metis = metis(p, atoms);
    const auto contiguous = place(p, objective::throughput, {.budget = {seconds}, .contiguous = true});
    const auto best = place(p, objective::throughput, {.budget = {seconds}});
    const std::size_t slash = file.find_last_of('/');
    std::printf("| %s |",
                file.substr(slash == file.npos ? 0 : slash + 1, file.rfind('.') - slash - 1).c_str());
    for (const double value :
         {best_single(p), by_shares(p, atoms, std::vector<double>(atoms.size(), 1.0)),
          by_shares(p, atoms, work), greedy(p, atoms), by_metis[0], by_metis[1],
          contiguous ? contiguous->value : none, best ? best->value : none, best ? best->bound : none})
        std::printf(" %s |", text(value).c_str());
    std::printf(" %s |\n", best ? best->algorithm.c_str() : "-");
    std::fflush(stdout);
}

}  // namespace

int main(int count, char** given) {
    if (count < 3) return std::fprintf(stderr, "placement_study SECONDS FILE...\n"), 1;
    std::printf("| instance | single | even | proportional | greedy | METIS | METIS, best of 160 | "
                "contiguous | place "
                "| bound | found by |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (int i = 2; i < count; ++i) row(given[i], std::atof(given[1]));
    return 0;
}
