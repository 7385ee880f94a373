import { languages } from "./language.js";
export { size } from "./language.js";

// Every text of the page, in each of its languages. `{0}` is replaced by what the caller gives.
const TEXTS = {
  en: {
    about: "One way to store files on S3, FastDFS and the local disk.",
    ok: "well", degraded: "partly out of order", unavailable: "cannot store files", unreachable: "out of reach",
    token_title: "This service asks for a token", token: "Token", use_token: "Use it", token_refused: "The token is not accepted.",
    store: "Store files", drop: "Drop files or folders anywhere on this page, or choose them:", folder: "A whole folder", send: "Store",
    waiting: "waiting", sent: "{0} of {1}, {2}/s", done: "stored, {0}", failed: "not stored: {0}", cancelled: "cancelled",
    total: "{0} of {1} files stored", total_failed: "{0} of {1} files stored, {2} not", cancel: "Cancel", retry: "Try again",
    stored: "Stored files", find: "Key begins with", search: "Search", more: "More", listed: "{0} files", listed_more: "{0} files, and more",
    none: "No files.", open: "Open a file by its id", id: "Id", info: "Info", download: "Download", delete: "Delete", copy: "Copy", copied: "Copied",
    delete_title: "Delete this file?", keep: "Keep it", deleted: "deleted: {0}", close: "Close", curl: "From a terminal", docs: "All endpoints",
    file_id: "Id", file_name: "Name", file_size: "Size", last_modify_time: "Modified", content_type: "Type", etag: "ETag",
    checksum: "Checksum", storage_class: "Storage class", content_encoding: "Encoding", connection: "the connection broke", unreadable: "what was dropped cannot be read: {0}",
    too_large: "With a token this page fetches up to {0}, unless the service signs links. The curl line under Info fetches everything.",
    of: "{0}: {1}",
  },
  zh: {
    about: "用同一种方式把文件存到 S3、FastDFS 或本地磁盘。",
    ok: "正常", degraded: "部分异常", unavailable: "无法存储文件", unreachable: "无法连接",
    token_title: "此服务需要令牌", token: "令牌", use_token: "使用", token_refused: "令牌无效。",
    store: "存储文件", drop: "将文件或文件夹拖到本页任意处，或选择文件：", folder: "整个文件夹", send: "存储",
    waiting: "等待中", sent: "{0} / {1}，{2}/秒", done: "已存储，{0}", failed: "未存储：{0}", cancelled: "已取消",
    total: "已存储 {0} / {1} 个文件", total_failed: "已存储 {0} / {1} 个文件，失败 {2} 个", cancel: "取消", retry: "重试",
    stored: "已存储的文件", find: "键的开头", search: "搜索", more: "更多", listed: "{0} 个文件", listed_more: "{0} 个文件，还有更多",
    none: "没有文件。", open: "按标识打开文件", id: "标识", info: "详情", download: "下载", delete: "删除", copy: "复制", copied: "已复制",
    delete_title: "删除此文件？", keep: "保留", deleted: "已删除：{0}", close: "关闭", curl: "命令行", docs: "全部接口",
    file_id: "标识", file_name: "名称", file_size: "大小", last_modify_time: "修改时间", content_type: "类型", etag: "ETag",
    checksum: "校验和", storage_class: "存储类别", content_encoding: "编码", connection: "连接中断", unreadable: "无法读取拖入的内容：{0}",
    too_large: "使用令牌时，本页最多可下载 {0}，除非服务会签发链接。请用“详情”中的 curl 命令下载任意大小的文件。",
    of: "{0}：{1}",
  },
};

export const { text, translate, changeLanguage, otherLanguage } = languages(TEXTS);
