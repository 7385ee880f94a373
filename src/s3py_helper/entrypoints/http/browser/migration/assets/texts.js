import { languages, number } from "./language.js";
export { number, size } from "./language.js";

// Every text of the page, in each of its languages. `{0}` is replaced by what the caller gives.
const TEXTS = {
  en: {
    title: "Leaving FastDFS", live: "live", old: "as of {0} s ago", closed: "", connecting: "connecting", lost: "connection lost, trying again",
    unreadable: "The ledger cannot be read now: {0}", forbidden: "This token does not permit it: {0}",
    token_title: "This page asks for a token that permits admin", token: "Token", use_token: "Use it", token_refused: "The token is not accepted.",
    way: "The way", speed: "Speed", groups: "Groups", aside: "Put aside", limits: "Limits of all workers",
    plan: "Plan", copy: "Copy", verify: "Verify", "s3-first": "S3 first", "s3-only": "S3 only", drain: "Drain",
    ahead: "ahead", "under-way": "under way", done: "done",
    of_files: "{0} of {1} files", of_groups: "{0} of {1} groups", files_known: "{0} files known",
    empty: "The ledger is empty: s3py migrate plan fills it.",
    summary: "{0} of {1} files copied, {2} of {3}; {4}; {5} at work",
    workers: "{0} workers", one_worker: "1 worker", left: "about {0} left", left_unknown: "no copying now", left_none: "nothing left to copy", is_paused: "paused",
    hours: "{0} h {1} min", minutes_left: "{0} min {1} s", seconds_left: "{0} s",
    copied: "copied", verified: "verified", drained: "drained", minutes: "the last five minutes",
    files_per_second: "Files a second", bytes_per_second: "Bytes a second", plot: "{0}: {1} now, {2} at most", per_second: "{0}/s", most: "most {0}",
    planned: "planned", copying: "being copied", gone: "gone", "missing-at-source": "missing at the source", deleted: "deleted", quarantined: "quarantined",
    state: "{0} {1}", in_all: "{0} in all", route_fastdfs: "read from FastDFS", "route_s3-first": "read from S3 first, then FastDFS", "route_s3-only": "read from S3 only",
    to_fastdfs: "Read from FastDFS again", "to_s3-first": "Read from S3 first", "to_s3-only": "Read from S3 only", of: "{0}: {1}",
    about_fastdfs: "Reads of all old ids of this group go back to FastDFS within two seconds.",
    "about_s3-first": "Old ids of this group are read from S3, and from FastDFS where S3 has no copy. It can be taken back at any time.",
    "about_s3-only": "Old ids of this group are read from S3 alone. What is deleted in FastDFS past the kit is no longer noticed. It can be taken back until something is drained.",
    go_on: "Go on", switch: "Switch", cancel: "Leave it", ask_name: "To confirm, type the name of the group, {0}:", accept_incomplete: "Also where no listing of the group was whole", accept_quarantine: "Also without these quarantined files: their ids, one in a line",
    switched: "{0}: {1}", refused: "Not switched: {0}", failed: "That failed: {0}", connection: "the connection broke",
    no_errors: "No file is put aside.", retry: "Plan them again", planned_again: "{0} files are planned again.", only: "Only these ids, one in a line; all where it is empty", samples: "for example",
    next: "Look at the reason, then plan them again.", next_conflict: "Another object has the key. Look at it, remove it if nobody needs it, then plan them again.",
    next_corrupt: "No server has good bytes. Restore the file on a storage server, then plan them again.",
    next_missing: "The source has lost it. Decide with: s3py migrate missing --keep, or --delete",
    next_unservable: "No server can serve it. Copy it from the disk of its server, then accept it: s3py migrate route --accept-quarantine",
    pause: "Pause all workers", resume: "Go on", concurrency: "Small files at once, each worker", none: "no limit", default: "their own choice",
  },
  zh: {
    title: "迁出 FastDFS", live: "实时", old: "{0} 秒前的状态", closed: "", connecting: "连接中", lost: "连接已断开，正在重试",
    unreadable: "暂时无法读取账本：{0}", forbidden: "此令牌没有权限：{0}",
    token_title: "此页面需要具有 admin 权限的令牌", token: "令牌", use_token: "使用", token_refused: "令牌无效。",
    way: "进展", speed: "速度", groups: "组", aside: "已搁置", limits: "所有工作进程的限制",
    plan: "计划", copy: "复制", verify: "校验", "s3-first": "S3 优先", "s3-only": "仅 S3", drain: "清空",
    ahead: "未开始", "under-way": "进行中", done: "完成",
    of_files: "{0} / {1} 个文件", of_groups: "{0} / {1} 个组", files_known: "已知 {0} 个文件",
    empty: "账本为空：请运行 s3py migrate plan。",
    summary: "已复制 {0} / {1} 个文件，{2} / {3}；{4}；工作中：{5}",
    workers: "{0} 个进程", one_worker: "1 个进程", left: "约剩 {0}", left_unknown: "当前没有复制", left_none: "没有待复制的文件", is_paused: "已暂停",
    hours: "{0} 小时 {1} 分", minutes_left: "{0} 分 {1} 秒", seconds_left: "{0} 秒",
    copied: "已复制", verified: "已校验", drained: "已清空", minutes: "最近五分钟",
    files_per_second: "每秒文件数", bytes_per_second: "每秒字节数", plot: "{0}：当前 {1}，最高 {2}", per_second: "{0}/秒", most: "最高 {0}",
    planned: "已计划", copying: "复制中", gone: "不存在", "missing-at-source": "源端缺失", deleted: "已删除", quarantined: "已隔离",
    state: "{1} {0}", in_all: "共 {0}", route_fastdfs: "从 FastDFS 读取", "route_s3-first": "先读 S3，再读 FastDFS", "route_s3-only": "仅从 S3 读取",
    to_fastdfs: "改回从 FastDFS 读取", "to_s3-first": "改为 S3 优先", "to_s3-only": "改为仅 S3", of: "{0}：{1}",
    about_fastdfs: "两秒内，该组所有旧标识的读取都将回到 FastDFS。",
    "about_s3-first": "该组的旧标识先从 S3 读取，S3 没有副本时再读 FastDFS。随时可以撤回。",
    "about_s3-only": "该组的旧标识只从 S3 读取。绕过本工具在 FastDFS 中的删除将不再被发现。在清空任何文件之前可以撤回。",
    go_on: "继续", switch: "切换", cancel: "保持不变", ask_name: "请输入组名 {0} 以确认：", accept_incomplete: "即使该组没有完整的清单", accept_quarantine: "即使没有这些已隔离的文件：每行一个标识",
    switched: "{0}：{1}", refused: "未切换：{0}", failed: "操作失败：{0}", connection: "连接中断",
    no_errors: "没有被搁置的文件。", retry: "重新计划", planned_again: "已重新计划 {0} 个文件。", only: "仅这些标识，每行一个；留空则为全部", samples: "例如",
    next: "请查看原因，然后重新计划。", next_conflict: "该键已有其他对象。请查看，如无人需要则删除，然后重新计划。",
    next_corrupt: "没有服务器保存完好的字节。请在存储服务器上恢复文件，然后重新计划。",
    next_missing: "源端已丢失。请用以下命令决定：s3py migrate missing --keep 或 --delete",
    next_unservable: "没有服务器能提供它。请从其服务器磁盘复制，然后接受：s3py migrate route --accept-quarantine",
    pause: "暂停所有进程", resume: "继续运行", concurrency: "每个进程同时复制的小文件数", none: "无限制", default: "进程自定",
  },
};

export const { text, translate, changeLanguage, otherLanguage } = languages(TEXTS);

export const known = (name) => name in TEXTS.en;

export function time(seconds) {
  const all = Math.round(seconds);
  if (all >= 3600) return text("hours", number(Math.floor(all / 3600)), Math.floor((all % 3600) / 60));
  return all >= 60 ? text("minutes_left", Math.floor(all / 60), all % 60) : text("seconds_left", all);
}
