// How good the schedulers are: every one of them on graphs of seven shapes, beside what improvement finds and the bound.
// Writes a Markdown page: schedule_study > docs/schedules.md; schedule_study growth > docs/heft-growth.svg draws how
// HEFT's time grows.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/io/svg.hpp"
#include "dispart/schedule/portfolio.hpp"
#include "task_graphs.hpp"

namespace {

using namespace dispart;

struct family {
    const char* name;
    std::function<bench::task_shape(std::size_t size, random_source&)> make;  // size 0, 1, 2
};

const std::vector<family> families{
    {"Cholesky", [](std::size_t size, random_source&) { return bench::cholesky(5 + 3 * size); }},
    {"Gauss", [](std::size_t size, random_source&) { return bench::gauss(8 + 7 * size); }},
    {"FFT", [](std::size_t size, random_source& random) { return bench::fourier(8U << size, random); }},
    {"fork-join",
     [](std::size_t size, random_source& random) { return bench::fork_join(2 + size, 8U << size, random); }},
    {"in-tree", [](std::size_t size,
                   random_source& random) { return bench::in_tree(2 + size % 2, 4 + size / 2, random); }},
    {"chains", [](std::size_t size,
                  random_source& random) { return bench::chains(4 + 3 * size, 5 + 3 * size, random); }},
    {"layered", [](std::size_t size, random_source& random) { return bench::layered(40U << size, random); }},
};

/// Sums logarithms of ratios.
struct geometric_mean {
    double sum = 0.0;
    std::size_t count = 0;

    void add(double ratio) { sum += std::log(ratio), ++count; }
    [[nodiscard]] double value() const { return std::exp(sum / static_cast<double>(count)); }
};

using row = std::map<std::string, geometric_mean>;  // [family]

void print_row(const std::string& name, const row& means) {
    std::printf("| %s |", name.c_str());
    geometric_mean all;
    for (const family& each : families) {
        const geometric_mean& mean = means.at(each.name);
        std::printf(" %.3f |", mean.value());
        all.sum += mean.sum, all.count += mean.count;
    }
    std::printf(" %.3f |\n", all.value());
}

/// \param iterations of improvement for each task
void write_page(std::size_t iterations) {
    std::map<std::string, row> means;
    random_source random(2026);
    std::size_t problems = 0, largest = 0, list_best = 0;
    for (const family& each : families)
        for (std::size_t size = 0; size < 3; ++size)
            for (const double communication : {0.2, 1.0, 5.0}) {
                const auto shape = each.make(size, random);
                const auto problem = bench::on_devices(shape, 3 + random.index(10), communication, random);
                const auto best =
                    schedule_portfolio(problem, {.budget = {.iterations = iterations * shape.cost.size()}})
                        .value();
                double list = best.makespan * 1e9;
                for (const named_scheduler& scheduler : list_schedulers()) {
                    const double made = scheduler.run(problem).value().makespan();
                    means[std::string(scheduler.name)][each.name].add(made / best.makespan);
                    list = std::min(list, made);
                }
                means["best of them"][each.name].add(list / best.makespan);
                means["lower bound"][each.name].add(best.bound / best.makespan);
                list_best += list <= best.makespan ? 1 : 0;
                largest = std::max(largest, shape.cost.size());
                ++problems;
            }
    std::printf("# How good the schedulers are\n\n"
                "Makespans over the improved portfolio's (%zu iterations of improvement a task), geometric "
                "means: %zu\n"
                "problems of up to %zu tasks on 3 to 12 unequal devices, seven shapes in three sizes with "
                "transfers of a\n"
                "fifth, one and five times the durations. Written by `benchmarks/schedule_study.cpp`; the "
                "same each time.\n"
                "Improvement found something shorter on %zu of %zu.\n\n| scheduler |",
                iterations, problems, largest, problems - list_best, problems);
    for (const family& each : families) std::printf(" %s |", each.name);
    std::printf(" all |\n|---|");
    for (std::size_t i = 0; i <= families.size(); ++i) std::printf("---|");
    std::printf("\n");
    for (const named_scheduler& scheduler : list_schedulers())
        print_row("`" + std::string(scheduler.name) + "`", means[std::string(scheduler.name)]);
    print_row("the best of them", means["best of them"]);
    print_row("lower bound", means["lower bound"]);
    std::printf("\n![HEFT's milliseconds over the number of tasks](heft-growth.svg)\n");
}

/// Milliseconds of one run, the least of several.
double heft_milliseconds(const schedule_problem& problem) {
    double least = 1e300;
    for (int run = 0; run < 7; ++run) {
        const auto begin = std::chrono::steady_clock::now();
        const auto made = heft{}(problem);
        const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begin;
        if (made) least = std::min(least, taken.count());
    }
    return least;
}

/// Time over tasks, both logarithmic, a line for each number of devices.
void draw_growth() {
    const auto x = [](double tasks) { return 70.0 + 560.0 * std::log10(tasks / 100.0) / 2.0; };
    const auto y = [](double ms) { return 30.0 + 300.0 * (1.0 - std::log10(ms / 0.01) / 4.0); };
    std::string body;
    const auto line = [&](double x1, double y1, double x2, double y2, const char* style) {
        char text[200];
        std::snprintf(text, sizeof text, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1,
                      y1, x2, y2, style);
        body += text;
    };
    const auto label = [&](double at_x, double at_y, const std::string& words, const char* style) {
        char text[200];
        std::snprintf(text, sizeof text, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", at_x, at_y, style,
                      words.c_str());
        body += text;
    };
    for (const double tasks : {100.0, 1000.0, 10'000.0}) {
        line(x(tasks), y(0.01), x(tasks), y(100.0), "stroke=\"#ddd\"");
        label(x(tasks), 348.0, std::to_string(static_cast<int>(tasks)), "text-anchor=\"middle\"");
    }
    for (const double ms : {0.01, 0.1, 1.0, 10.0, 100.0}) {
        line(x(100.0), y(ms), x(10'000.0), y(ms), "stroke=\"#ddd\"");
        char text[32];
        std::snprintf(text, sizeof text, "%g ms", ms);
        label(62.0, y(ms) + 4.0, text, "text-anchor=\"end\"");
    }
    label(350.0, 366.0, "tasks", "text-anchor=\"middle\"");
    label(70.0, 20.0, "HEFT with insertion: time over tasks, layered graphs", "font-weight=\"bold\"");
    const std::map<std::size_t, const char*> colours{{8, "#0072B2"}, {32, "#D55E00"}, {100, "#009E73"}};
    for (const auto& [devices, colour] : colours) {
        const std::string stroke = std::string("stroke=\"") + colour + "\" stroke-width=\"2\"";
        double last_x = 0.0, last_y = 0.0;
        for (const std::size_t tasks : {100U, 200U, 500U, 1000U, 2000U, 5000U, 10'000U}) {
            random_source random(7);
            const auto problem = bench::on_devices(bench::layered(tasks, random), devices, 1.0, random);
            const double ms = heft_milliseconds(problem);
            std::fprintf(stderr, "%zu tasks on %zu devices: %.3f ms\n", tasks, devices, ms);
            const double at_x = x(static_cast<double>(tasks)), at_y = y(ms);
            if (tasks > 100) line(last_x, last_y, at_x, at_y, stroke.c_str());
            last_x = at_x, last_y = at_y;
        }
        const std::string fill = std::string("fill=\"") + colour + "\"";
        label(last_x + 6.0, last_y + 4.0, std::to_string(devices) + " devices", fill.c_str());
    }
    std::printf("%s", io::detail::svg_document(720.0, 380.0, body).c_str());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "growth") draw_growth();
    else write_page(argc > 1 ? static_cast<std::size_t>(std::atoi(argv[1])) : 3000);
}
