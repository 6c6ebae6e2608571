// How time and memory grow with layers, devices and downward-closed sets: each point in a process of its own.
// Writes a table and a picture: growth_study docs/growth.svg > docs/growth.md
//   growth_study PICTURE WORD    only the series whose names have the word: growth_study hybrid.svg hybrid
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/core/random.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/svg.hpp"
#include "dispart/model/rewrite.hpp"
#include "dispart/model/zoo/resnet.hpp"
#include "dispart/partition/chain.hpp"
#include "dispart/partition/contiguous.hpp"
#include "dispart/partition/multilevel.hpp"
#include "dispart/plan/spread/make_spread_plan.hpp"

namespace {

using namespace dispart;

/// What a child process tells its parent.
struct point {
    double x = 0.0;
    double seconds = 0.0;
    double megabytes = 0.0;  ///< largest resident size of the process
};

struct series {
    std::string name{};
    std::string unit{};  ///< of x
    std::vector<point> points{};
};

/// Runs `work`, which returns x, in a process of its own; only its second half is timed: what it returns.
point measured(const std::function<std::array<double, 2>()>& work) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return {};
    const pid_t child = fork();
    if (child == 0) {
        const auto told = work();
        const bool done = write(ends[1], told.data(), sizeof told) == static_cast<ssize_t>(sizeof told);
        _exit(done ? 0 : 1);
    }
    std::array<double, 2> told{};
    close(ends[1]);
    if (read(ends[0], told.data(), sizeof told) != static_cast<ssize_t>(sizeof told)) told = {};
    close(ends[0]);
    rusage used{};
    int status = 0;
    wait4(child, &status, 0, &used);
    return {told[0], told[1], static_cast<double>(used.ru_maxrss) / 1024.0};
}

template <class Run>
double seconds_of(Run run) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

instance chain_of(std::size_t layers, std::size_t devices) {
    random_source random(5);
    instance p;
    p.fixed_seconds = p.workspace_bytes = xt::zeros<double>({layers, devices});
    p.marginal_seconds = xt::zeros<double>({layers, devices});
    p.allowed = xt::ones<std::uint8_t>({layers, devices});
    std::vector<double> speed;
    for (device_id d = 0; d < devices; ++d) {
        speed.push_back(random.uniform(1.0, 8.0));
        p.device_class.push_back(d);
        p.memory_capacity.push_back(1e12);
    }
    std::vector<std::vector<std::size_t>> reads(layers), writes(layers), readers;
    for (layer_id l = 0; l < layers; ++l) {
        p.layer_class.push_back(l);
        const double work = random.uniform(1e-3, 5e-3);
        for (device_id d = 0; d < devices; ++d) p.marginal_seconds(l, d) = work / speed[d];
        p.weight_bytes.push_back(random.uniform(1e5, 1e6));
        if (l + 1 == layers) continue;
        writes[l] = reads[l + 1] = {l};
        readers.push_back({l + 1});
        p.producer.push_back(l);
        p.tensor_bytes.push_back(random.uniform(1e4, 1e6));
    }
    p.reads = csr(reads), p.writes = csr(writes), p.consumers = csr(readers);
    p.latency = xt::zeros<double>({devices, devices});
    p.seconds_per_byte = xt::zeros<double>({devices, devices});
    std::vector<std::vector<std::size_t>> routes(devices * devices);
    for (device_id a = 0; a < devices; ++a)
        for (device_id b = 0; b < devices; ++b) {
            if (a == b) continue;
            p.latency(a, b) = 1e-4;
            p.seconds_per_byte(a, b) = random.uniform(1e-9, 1e-8);
            routes[a * devices + b] = {p.link_seconds_per_byte.size()};
            p.link_seconds_per_byte.push_back(p.seconds_per_byte(a, b));
        }
    p.routes = csr(routes);
    return p;
}

/// A graph of `width` branches of equal length under `load_model::nets`, or a random one where width is 0.
instance graph_of(std::size_t layers, std::size_t devices, std::size_t width) {
    random_source random(9);
    instance p;
    p.load = load_model::nets;
    p.fixed_seconds = p.workspace_bytes = xt::zeros<double>({layers, std::size_t{1}});
    p.marginal_seconds = xt::zeros<double>({layers, std::size_t{1}});
    p.allowed = xt::ones<std::uint8_t>({layers, std::size_t{1}});
    std::vector<std::vector<std::size_t>> reads(layers), writes(layers), readers(layers), made;
    for (layer_id l = 1; l < layers; ++l) {
        if (width > 0 && l >= width) readers[l - width].push_back(l);
        for (std::size_t i = 0; width == 0 && i < 2; ++i)
            readers[l - 1 - random.index(std::min<std::size_t>(l, 40))].push_back(l);
    }
    for (layer_id l = 0; l < layers; ++l) {
        p.layer_class.push_back(l);
        p.marginal_seconds(l, 0) = random.uniform(1.0, 5.0);
        p.weight_bytes.push_back(1.0);
        auto& to = readers[l];
        std::sort(to.begin(), to.end());
        to.erase(std::unique(to.begin(), to.end()), to.end());
        if (to.empty()) continue;
        for (const layer_id r : to) reads[r].push_back(made.size());
        writes[l] = {made.size()};
        p.producer.push_back(l);
        p.tensor_bytes.push_back(random.uniform(0.0, 0.5));
        made.push_back(to);
    }
    p.reads = csr(reads), p.writes = csr(writes), p.consumers = csr(made);
    p.device_class.assign(devices, 0);
    p.net_seconds_per_byte.assign(devices, 1.0);
    p.memory_capacity.assign(devices, 1e18);
    return p;
}

point chain_point(std::size_t layers, std::size_t devices, double x) {
    return measured([&]() -> std::array<double, 2> {
        const instance p = chain_of(layers, devices);
        return {x, seconds_of([&] { (void)chain_partitioner{}(p, objective::throughput); })};
    });
}

point graph_point(std::size_t layers, std::size_t devices, double x) {
    return measured([&]() -> std::array<double, 2> {
        const instance p = graph_of(layers, devices, 0);
        return {x, seconds_of([&] { (void)place_multilevel(p, {.budget = {1e3, 1'000'000}}); })};
    });
}

/// x is the number of downward-closed sets that the search kept.
point ideals_point(std::size_t layers, std::size_t width) {
    return measured([&]() -> std::array<double, 2> {
        const instance p = graph_of(layers, 6, width);
        double kept = 0.0;
        const double taken = seconds_of([&] {
            const auto blocks = detail::blocks_of(p, detail::atoms_of(p));
            const detail::device_counts counts(blocks.problem);
            detail::stop_watch watch({.seconds = 60.0});
            detail::ideal_search search(blocks, counts, watch);
            (void)search.solve(detail::best_intervals(blocks, counts, 2, 1).value);
            kept = static_cast<double>(search.ideals());
        });
        return {kept, taken};
    });
}

/// Unequal devices around a switch of 1 Gbit/s.
cluster around_a_switch(std::size_t devices) {
    random_source random(7);
    cluster_builder b("machines");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < devices; ++i) {
        names.push_back("d" + std::to_string(i));
        b.device({.name = names.back(),
                  .speed = flops_per_second(random.uniform(5e9, 40e9)),
                  .memory_bandwidth = bytes_per_second(1e10),
                  .memory = bytes(4e9)});
    }
    b.switched("switch", names, {.latency = seconds(1e-4), .bandwidth = bytes_per_second(1.25e8)});
    return b.source("d0").sink("d0").build().value();
}

/// The hybrid planner on a ResNet at 224 x 224 with so many bottleneck blocks at each size. x: its layers, or the devices.
point hybrid_point(std::array<int, 4> depths, std::size_t devices, objective goal, bool over_layers) {
    return measured([&]() -> std::array<double, 2> {
        auto net = zoo::resnet("resnet", {.depths = depths, .bottleneck = true}, {.weights = false}).value();
        if (!simplify(net)) return {};
        const cluster on = around_a_switch(devices);
        const double taken = seconds_of([&] { (void)make_spread_plan(net, on, roofline{}, {.goal = goal}); });
        return {over_layers ? double(num_vertices(net)) : double(devices), taken};
    });
}

/// Series whose names have the word.
std::vector<series> measure(const std::string& word) {
    std::vector<series> all;
    const auto begin = [&](const char* name, const char* unit) {
        if (std::string(name).find(word) == std::string::npos) return false;
        all.push_back({name, unit, {}});
        return true;
    };
    const auto add = [&](point p) { all.back().points.push_back(p); };
    if (begin("chain, 16 unequal devices", "layers"))
        for (const std::size_t n : {100, 300, 1000, 3000, 10000}) add(chain_point(n, 16, double(n)));
    if (begin("chain, 1,000 layers", "devices"))
        for (const std::size_t n : {4, 8, 16, 32, 64}) add(chain_point(1000, n, double(n)));
    if (begin("multilevel, 100 devices, 10^6 steps", "layers"))
        for (const std::size_t n : {1000, 3000, 10000, 30000, 100000}) add(graph_point(n, 100, double(n)));
    if (begin("multilevel, 20,000 layers, 10^6 steps", "devices"))
        for (const std::size_t n : {10, 30, 100, 300, 1000}) add(graph_point(20000, n, double(n)));
    if (begin("ideals, 6 devices", "sets kept"))
        for (const auto& [layers, width] :
             {std::pair<std::size_t, std::size_t>{40, 2}, {60, 3}, {48, 4}, {60, 4}, {60, 5}})
            add(ideals_point(layers, width));
    const std::array<int, 4> resnet50{3, 4, 6, 3};
    for (const auto goal : {objective::latency, objective::throughput}) {
        const std::string what = goal == objective::latency ? "latency" : "throughput";
        if (begin(("hybrid plan of ResNet50 for " + what).c_str(), "devices"))
            for (const std::size_t n : {2, 4, 8, 16, 32}) add(hybrid_point(resnet50, n, goal, false));
        if (begin(("hybrid plan for " + what + ", 16 devices").c_str(), "layers"))
            for (const auto& depths :
                 {std::array{2, 2, 2, 2}, resnet50, std::array{3, 4, 23, 3}, std::array{3, 8, 36, 3}})
                add(hybrid_point(depths, 16, goal, true));
    }
    return all;
}

/// One panel: both axes logarithmic, from the least to the largest value.
std::string panel(const series& s, bool memory, double left, double top) {
    const double width = 240.0, height = 130.0;
    const auto y_of = [&](const point& p) {
        return std::log10(std::max(1e-6, memory ? p.megabytes : p.seconds));
    };
    double x0 = 1e9, x1 = -1e9, y0 = 1e9, y1 = -1e9;
    for (const point& p : s.points) {
        x0 = std::min(x0, std::log10(std::max(1.0, p.x))), x1 = std::max(x1, std::log10(std::max(1.0, p.x)));
        y0 = std::min(y0, std::floor(y_of(p))), y1 = std::max(y1, std::ceil(y_of(p)));
    }
    if (!(x1 > x0)) x1 = x0 + 1.0;
    if (!(y1 > y0)) y1 = y0 + 1.0;
    const auto x = [&](double v) { return io::detail::pixels(left + width * (v - x0) / (x1 - x0)); };
    const auto y = [&](double v) { return io::detail::pixels(top + height * (y1 - v) / (y1 - y0)); };
    const auto words = [](const std::string& at_x, const std::string& at_y, const std::string& text,
                          const char* anchor) {
        return "<text x=\"" + at_x + "\" y=\"" + at_y + "\" text-anchor=\"" + anchor + "\">" +
               io::xml_escape(text) + "</text>\n";
    };
    const auto number = [](double v) {
        std::array<char, 32> out{};
        std::snprintf(out.data(), out.size(), "%.3g", v);
        return std::string(out.data());
    };
    std::string out =
        words(x(x0), io::detail::pixels(top - 8.0), s.name + (memory ? ": MB" : ": seconds"), "start");
    for (double v = y0; v <= y1; v += 1.0)
        out += "<line x1=\"" + x(x0) + "\" x2=\"" + x(x1) + "\" y1=\"" + y(v) + "\" y2=\"" + y(v) +
               "\" stroke=\"#ddd\"/>\n" +
               words(io::detail::pixels(left - 5.0), y(v), number(std::pow(10.0, v)), "end");
    std::string line;
    double labelled = -1e9;
    for (const point& p : s.points) {
        const double at = std::log10(std::max(1.0, p.x));
        line += (line.empty() ? "M" : " L") + x(at) + " " + y(y_of(p));
        const double here = width * (at - x0) / (x1 - x0);
        if (&p == &s.points.back() || (here >= labelled + 50.0 && here <= width - 50.0)) {
            out += words(x(at), io::detail::pixels(top + height + 14.0), number(p.x), "middle");
            labelled = here;
        }
    }
    return out + "<path d=\"" + line + "\" fill=\"none\" stroke=\"#0072B2\" stroke-width=\"2\"/>\n" +
           words(x(x1), io::detail::pixels(top + height + 28.0), s.unit, "end");
}

}  // namespace

int main(int count, char** given) {
    const auto all = measure(count > 2 ? given[2] : "");
    std::string body;
    double top = 40.0;
    std::printf("# Growth\n\nTime and memory (of the whole process) against layers, devices and "
                "downward-closed sets, and of the hybrid planner "
                "against the layers of ResNets at 224 x 224 and devices; both axes "
                "of the\npicture are logarithmic. Written by "
                "`benchmarks/growth_study.cpp`.\n\n![growth](growth.svg)\n");
    for (const series& s : all) {
        body += panel(s, false, 60.0, top) + panel(s, true, 390.0, top);
        top += 190.0;
        std::printf("\n| %s: %s | seconds | MB |\n|---|---|---|\n", s.name.c_str(), s.unit.c_str());
        for (const point& p : s.points) std::printf("| %.0f | %.3g | %.3g |\n", p.x, p.seconds, p.megabytes);
    }
    if (count < 2) return 0;
    return io::write_text(given[1], io::detail::svg_document(660.0, top, body)) ? 0 : 1;
}
