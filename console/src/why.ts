// Why something is said, from its code and figures, in the reader's language. A code that is not
// known here is told in the server's own sentence.

import { clean, metres, percent, span } from "./format.js";
import type { Why } from "./model.js";
import { STRINGS, type Language } from "./strings.js";

/** Roads that a sentence names; the list beside it has more. */
const ROADS = 3;

export function sentence(why: Why, place: string, route: string[], language: Language): string {
  const figure = (name: string) => why.figures[name];
  const units = STRINGS[language].units;
  const time = (name: string) => span(figure(name) ?? 0, units);
  const far = (name: string) => metres(figure(name) ?? 0);
  const zh = language === "zh";
  const name = clean(place);
  const ahead = () => {
    const [shortened, minutes, efficiency] = [figure("shortened_min") ?? 0, figure("of_min") ?? 0, figure("off_course_deg")];
    const roads = route.slice(0, ROADS).map(clean).join(zh ? "、" : ", ");
    const probability = percent(figure("probability") ?? 0);
    const speed = Math.round(figure("speed_kmh") ?? 0);
    if (zh) {
      const way =
        minutes > 0
          ? `近${minutes}分钟中有${shortened}分钟离${name}更近`
          : efficiency !== undefined && roads === ""
            ? `航向偏离${name}方向${Math.round(efficiency)}°`
            : `距${name}${far("distance_m")}`;
      return `${way}；${roads ? `经${roads}，` : ""}还有${time("eta_s")}，时速${speed}公里；可能性${probability}`;
    }
    const way =
      minutes > 0
        ? `${shortened} of the last ${minutes} min shortened the way to ${name}`
        : efficiency !== undefined && roads === ""
          ? `Heading ${Math.round(efficiency)}° off the way to ${name}`
          : `${far("distance_m")} from ${name}`;
    return `${way}; ${time("eta_s")} to go${roads ? ` by ${roads}` : ""} at ${speed} km/h; probability ${probability}`;
  };
  const silent = () => {
    const usual = figure("usual_s");
    const earliest_s = figure("earliest_s");
    const latest_s = figure("latest_s") ?? 0;
    const every = usual === undefined ? "" : zh ? `（通常每${span(usual, units)}）` : ` (usually every ${span(usual, units)})`;
    const speaks = why.code === "no_place";
    const signs = why.code === "silent_after_sign";
    let reach: string;
    if (earliest_s === undefined) reach = zh ? "；尚无卡口在其可达范围内" : "; no checkpoint is within its reach yet";
    else if (latest_s <= 0) reach = zh ? `；可能已通过${name}` : `; may have passed ${name}`;
    else if (earliest_s <= 0) reach = zh ? `；现在可能已到${name}，最迟${span(latest_s, units)}后` : `; can be at ${name} by now, at the latest in ${span(latest_s, units)}`;
    else reach = zh ? `；${span(earliest_s, units)}至${span(latest_s, units)}后可能到${name}` : `; can be at ${name} in ${span(earliest_s, units)} to ${span(latest_s, units)}`;
    if (zh) return `${speaks ? "终端在线但无定位" : "失联"}${time("silent_s")}${every}${signs ? "，此前有报警" : ""}${reach}`;
    return `${speaks ? "No place for" : "Not heard for"} ${time("silent_s")}${every}${signs ? ", after an alarm" : ""}${reach}`;
  };
  const told: Record<string, () => string> = {
    in_view: ahead,
    closing: ahead,
    sure: ahead,
    eta_changed: ahead,
    stage_changed: ahead,
    probability_changed: ahead,
    handed_on: () => (zh ? `已通过内圈；${ahead()}` : `Passed the ring before; ${ahead()}`),
    closing_unheard: () => (zh ? `${ahead()}；${time("fix_age_s")}未收到定位` : `${ahead()}; not heard for ${time("fix_age_s")}`),
    at_checkpoint: () => (zh ? `在${name}，依据${time("fix_age_s")}前的定位` : `At ${name}, by a fix ${time("fix_age_s")} old`),
    near_when_flagged: () =>
      zh
        ? `布控时距${name}仅${far("distance_m")}；可能性${percent(figure("probability") ?? 0)}`
        : `Already ${far("distance_m")} from ${name} when it was looked for; probability ${percent(figure("probability") ?? 0)}`,
    turned_away: () => (zh ? `正在远离${name}，现距${far("distance_m")}` : `Moving away from ${name}, now ${far("distance_m")} from it`),
    unlikely: () => (zh ? `可能性降低：距${name}${far("distance_m")}` : `Less likely now: ${far("distance_m")} from ${name}`),
    contrary: () => (zh ? `以不计方向经过${name}` : `Came by ${name} in the direction that does not count`),
    unknown_after_gap: () => (zh ? `${time("gap_s")}未收到定位，是否通过${name}不明` : `Not heard for ${time("gap_s")}: whether it passed ${name} is not known`),
    flag_withdrawn: () => (zh ? "已撤控" : "Its flag was withdrawn"),
    flag_expired: () => (zh ? "布控到期" : "Its flag has expired"),
    intercepted: () => (zh ? "车辆已被拦截" : "The vehicle was stopped"),
    checkpoint_closed: () => (zh ? `${name}已关闭` : `${name} is closed`),
    checkpoint_removed: () => (zh ? `${name}已撤除` : `${name} is no checkpoint any more`),
    passed: () => (zh ? `${time("ago_s")}前通过${name}` : `Passed ${name} ${time("ago_s")} ago`),
    entered: () => (zh ? `${time("ago_s")}前进入${name}` : `Entered ${name} ${time("ago_s")} ago`),
    left: () => (zh ? `已离开${name}，现距${far("distance_m")}` : `Left ${name}, now ${far("distance_m")} away`),
    silent,
    silent_after_sign: silent,
    no_place: silent,
    heard: () =>
      zh ? `失联${time("silent_s")}后恢复，移动了${far("moved_m")}` : `Heard again after ${time("silent_s")}, ${far("moved_m")} from there`,
  };
  // An arrival is told like the presence that it is.
  if (why.code === "arrived") return told["at_checkpoint"]!();
  // Codes come from outside: only our own entries count, not those of every object.
  return Object.hasOwn(told, why.code) ? told[why.code]!() : clean(why.text);
}
