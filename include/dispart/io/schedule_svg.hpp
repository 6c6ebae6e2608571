#pragma once
/// \file
/// A schedule as a picture: a row per device, its tasks, and the transfers between rows.

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "dispart/io/svg.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"

namespace dispart::io {

struct schedule_svg_options {
    double width = 1200.0;        ///< pixels
    double row_height = 34.0;     ///< pixels
    double label_width = 110.0;   ///< pixels
    std::size_t transfers = 400;  ///< only so many are drawn, the longest first
};

namespace detail {

class schedule_painter {
  public:
    schedule_painter(const schedule_problem& problem, const schedule& made,
                     const schedule_svg_options& options)
        : problem_(problem)
        , made_(made)
        , options_(options)
        , end_(std::max(made.makespan(), 1e-300)) {}

    std::string paint(std::string_view title) {
        const double bottom = row(problem_.device_count());
        text(8.0, 20.0, title, "font-weight=\"bold\" font-size=\"14\"");
        paint_axis(bottom);
        for (device_id d = 0; d < problem_.device_count(); ++d)
            text(8.0, row(d) + options_.row_height * 0.6, problem_.device_label(d));
        for (task_id t = 0; t < made_.tasks.size(); ++t) paint_task(t);
        paint_transfers();
        return svg_document(options_.width, bottom + 30.0, body_);
    }

  private:
    [[nodiscard]] double x_of(double t) const {
        return options_.label_width + (options_.width - options_.label_width - 16.0) * t / end_;
    }
    [[nodiscard]] double row(device_id d) const {
        return 30.0 + static_cast<double>(d) * options_.row_height;
    }

    void paint_axis(double bottom) {
        for (double t = 0.0, step = tick_step(end_); t <= end_ * 1.0001; t += step) {
            line(x_of(t), 30.0, x_of(t), bottom, "#ddd", 1.0);
            text(x_of(t), bottom + 16.0, readable_seconds(t), "text-anchor=\"middle\" fill=\"#555\"");
        }
    }

    void paint_task(task_id t) {
        const scheduled_task& s = made_.tasks[t];
        const double x = x_of(s.start), width = std::max(0.8, x_of(s.finish) - x);
        const double y = row(s.device) + options_.row_height * 0.15, height = options_.row_height * 0.7;
        body_ += "<rect x=\"" + pixels(x) + "\" y=\"" + pixels(y) + "\" width=\"" + pixels(width) +
                 "\" height=\"" + pixels(height) + "\" fill=\"" + request_colour(t) +
                 "\" stroke=\"white\" stroke-width=\"0.5\"><title>" + xml_escape(problem_.task_label(t)) +
                 ", " + readable_seconds(s.finish - s.start) + "</title></rect>\n";
        const std::string label = problem_.task_label(t);
        if (width > 7.5 * static_cast<double>(label.size()))
            text(x + width / 2, y + height * 0.65, label,
                 "text-anchor=\"middle\" fill=\"" + std::string(request_text_colour(t)) + "\"");
    }

    /// From the end of the sender to the arrival, across the rows.
    void paint_transfers() {
        std::vector<const dependency*> moved;
        for (const dependency& d : problem_.tables().dependencies)
            if (made_.tasks[d.from].device != made_.tasks[d.to].device) moved.push_back(&d);
        const auto length = [&](const dependency* d) {
            return problem_.transfer(made_.tasks[d->from].device, made_.tasks[d->to].device, d->bytes);
        };
        std::stable_sort(moved.begin(), moved.end(), [&](auto a, auto b) { return length(a) > length(b); });
        if (moved.size() > options_.transfers) moved.resize(options_.transfers);
        for (const dependency* d : moved) {
            const auto &from = made_.tasks[d->from], &to = made_.tasks[d->to];
            const bool down = to.device > from.device;
            line(x_of(from.finish), row(from.device) + options_.row_height * (down ? 0.85 : 0.15),
                 x_of(from.finish + length(d)), row(to.device) + options_.row_height * (down ? 0.15 : 0.85),
                 "#444", 0.7);
        }
    }

    void line(double x1, double y1, double x2, double y2, const char* colour, double width) {
        body_ += "<line x1=\"" + pixels(x1) + "\" y1=\"" + pixels(y1) + "\" x2=\"" + pixels(x2) + "\" y2=\"" +
                 pixels(y2) + "\" stroke=\"" + colour + "\" stroke-width=\"" + pixels(width) + "\"/>\n";
    }
    void text(double x, double y, std::string_view words, const std::string& style = "") {
        body_ += "<text x=\"" + pixels(x) + "\" y=\"" + pixels(y) + "\" " + style + ">" + xml_escape(words) +
                 "</text>\n";
    }

    const schedule_problem& problem_;
    const schedule& made_;
    const schedule_svg_options& options_;
    double end_;
    std::string body_{};
};

}  // namespace detail

/// Draws a schedule: a row per device with its tasks, and a line from the end of a sender to each arrival elsewhere.
/// \return a complete SVG document. Precondition: it is a schedule of that problem. O(tasks + dependencies log).
[[nodiscard]] inline std::string schedule_svg(const schedule_problem& problem, const schedule& made,
                                              std::string_view title = {},
                                              const schedule_svg_options& options = {}) {
    return detail::schedule_painter(problem, made, options).paint(title);
}

}  // namespace dispart::io
