#pragma once
/// \file
/// Charts of a simulated or measured run as SVG: utilisation over time, and the distribution of latencies.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispart/io/svg.hpp"
#include "dispart/simulate/statistics.hpp"

namespace dispart::io {

struct chart_options {
    double width = 900.0;   ///< pixels
    double height = 120.0;  ///< pixels of one panel
    std::string title{};
};

namespace detail {

/// A drawing area with axes; x runs over [0, x_end], y over [0, y_end].
class chart_panel {
  public:
    chart_panel(double left, double top, double width, double height, double x_end, double y_end)
        : left_(left)
        , top_(top)
        , width_(width)
        , height_(height)
        , x_end_(x_end)
        , y_end_(y_end) {}

    [[nodiscard]] double x(double value) const { return left_ + width_ * value / x_end_; }
    [[nodiscard]] double y(double value) const { return top_ + height_ * (1.0 - value / y_end_); }

    /// Vertical lines with times under them.
    [[nodiscard]] std::string time_axis() const {
        std::string out;
        const double step = tick_step(x_end_);
        for (double t = 0.0; t <= x_end_ * 1.0001; t += step)
            out += "<line x1=\"" + pixels(x(t)) + "\" x2=\"" + pixels(x(t)) + "\" y1=\"" + pixels(top_) +
                   "\" y2=\"" + pixels(top_ + height_) + "\" stroke=\"#ddd\"/>\n" +
                   label(x(t), top_ + height_ + 14.0, readable_seconds(t),
                         "text-anchor=\"middle\" fill=\"#555\"");
        return out;
    }
    /// Horizontal lines at 0, 50 and 100 %, or at whatever `y_end` is.
    [[nodiscard]] std::string share_axis() const {
        std::string out;
        for (const double part : {0.0, 0.5, 1.0})
            out += "<line x1=\"" + pixels(left_) + "\" x2=\"" + pixels(left_ + width_) + "\" y1=\"" +
                   pixels(y(part * y_end_)) + "\" y2=\"" + pixels(y(part * y_end_)) +
                   "\" stroke=\"#ddd\"/>\n" +
                   label(left_ - 6.0, y(part * y_end_) + 4.0,
                         std::to_string(static_cast<int>(std::lround(part * y_end_ * 100.0))) + " %",
                         "text-anchor=\"end\" fill=\"#555\"");
        return out;
    }
    [[nodiscard]] static std::string label(double x, double y, std::string_view words, const char* style = "") {
        return "<text x=\"" + pixels(x) + "\" y=\"" + pixels(y) + "\" " + style + ">" + xml_escape(words) +
               "</text>\n";
    }

  private:
    double left_, top_, width_, height_, x_end_, y_end_;
};

}  // namespace detail

/// One panel per device: the share of each slot of time in which it computed. A device with several processors may go
/// beyond 100 %. \return a complete SVG document. O(devices * slots), after O(events * slots covered).
[[nodiscard]] inline std::string utilisation_svg(const timeline& trace, const chart_options& options = {},
                                                 std::size_t slots = 120) {
    const auto share = utilisation_over_time(trace, slots);
    double end = 0.0;
    for (const event& e : trace.events) end = std::max(end, e.end.value);
    if (!(end > 0.0) || !std::isfinite(end)) end = 1.0;
    const double left = 60.0;
    std::string body =
        detail::chart_panel::label(8.0, 20.0, options.title, "font-weight=\"bold\" font-size=\"14\"");
    double top = 34.0;
    for (device_id d = 0; d < share.size(); ++d) {
        const double most = std::max(1.0, *std::max_element(share[d].begin(), share[d].end()));
        const detail::chart_panel panel(left, top + 18.0, options.width - left - 30.0, options.height - 50.0,
                                        end, most);
        body += detail::chart_panel::label(left, top + 12.0, detail::device_name(trace, d)) +
                panel.time_axis() + panel.share_axis() + "<path fill=\"" + detail::request_colour(d) +
                "\" fill-opacity=\"0.7\" d=\"M" + detail::pixels(panel.x(0.0)) + " " +
                detail::pixels(panel.y(0.0));
        for (std::size_t s = 0; s < slots; ++s)
            body += " V" + detail::pixels(panel.y(share[d][s])) + " H" +
                    detail::pixels(panel.x(end * static_cast<double>(s + 1) / static_cast<double>(slots)));
        body += " V" + detail::pixels(panel.y(0.0)) + " Z\"/>\n";
        top += options.height;
    }
    return detail::svg_document(options.width, top + 8.0, body);
}

/// A histogram of latencies in seconds, with its median, 90th and 99th percentile marked.
/// \return a complete SVG document. O(n log n).
[[nodiscard]] inline std::string latency_svg(std::span<const double> latencies,
                                             const chart_options& options = {}, std::size_t bins = 60) {
    std::vector<double> sample;
    for (const double x : latencies)
        if (std::isfinite(x) && x >= 0.0) sample.push_back(x);
    const auto all = summarise(sample);
    const double end = all.most > 0.0 ? all.most * 1.02 : 1.0;
    std::vector<double> share(bins, 0.0);
    for (const double x : sample) {
        const auto bin = static_cast<std::size_t>(x / end * static_cast<double>(bins));
        share[std::min(bin, bins - 1)] += 1.0 / static_cast<double>(sample.size());
    }
    const double most = std::max(1e-3, *std::max_element(share.begin(), share.end()));
    const double left = 60.0, height = 2.0 * options.height;
    const detail::chart_panel panel(left, 52.0, options.width - left - 30.0, height - 60.0, end, most);
    std::string body =
        detail::chart_panel::label(8.0, 20.0, options.title, "font-weight=\"bold\" font-size=\"14\"") +
        panel.time_axis() + panel.share_axis();
    for (std::size_t b = 0; b < bins; ++b) {
        const double from = panel.x(end * static_cast<double>(b) / static_cast<double>(bins));
        const double to = panel.x(end * static_cast<double>(b + 1) / static_cast<double>(bins));
        body += "<rect x=\"" + detail::pixels(from) + "\" y=\"" + detail::pixels(panel.y(share[b])) +
                "\" width=\"" + detail::pixels(to - from) + "\" height=\"" +
                detail::pixels(panel.y(0.0) - panel.y(share[b])) + "\" fill=\"#0072B2\"/>\n";
    }
    double line = 34.0;  // the labels stand on different lines, since percentiles may lie close together
    for (const auto& [name, value] :
         {std::pair("median ", all.p50), std::pair("90 % ", all.p90), std::pair("99 % ", all.p99)}) {
        const std::string at = detail::pixels(panel.x(value));
        const bool right = panel.x(value) > 0.75 * options.width;
        body += "<line x1=\"" + at + "\" x2=\"" + at + "\" y1=\"" + detail::pixels(line) + "\" y2=\"" +
                detail::pixels(panel.y(0.0)) + "\" stroke=\"#D55E00\"/>\n" +
                detail::chart_panel::label(
                    panel.x(value) + (right ? -4.0 : 4.0), line + 4.0, name + detail::readable_seconds(value),
                    right ? "text-anchor=\"end\" fill=\"#D55E00\"" : "fill=\"#D55E00\"");
        line += 14.0;
    }
    return detail::svg_document(options.width, height + 16.0, body);
}

}  // namespace dispart::io
