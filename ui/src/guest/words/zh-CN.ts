// 访客页面的中文。

import type { Words } from './en'

export const zhCN: Words = {
  looking: '正在查看链接',

  lobby: {
    title: (room) => `加入“${room}”的通话`,
    titleDirect: '加入通话',
    invitedBy: (name, space) => `${name}邀请你加入，空间名为“${space}”。`,
    nobody: '通话里还没有人。',
    with: (names) => `正在通话：${names}`,
    name: '你的名字',
    nameHint: '其他人看到的名字。',
    nameMissing: '请写下你的名字。',
    knock: '请求加入',
    join: '加入通话',
    open: '有这个链接的人可以直接进来。',
    privacy: '画面和声音在浏览器之间直接传输，全程加密。',
    starting: '正在打开摄像头…',
    allow: '浏览器会询问是否允许使用摄像头和麦克风。请点允许，这样其他人才能看到和听到你。',
    cameraIsOff: '你的摄像头已关闭',
    devices: '摄像头、麦克风和扬声器',
    tryAgain: '再试一次',
  },

  waiting: {
    title: '已经敲门',
    lead: '通话里的人会让你进来，请不要关闭页面。',
    joining: '正在进入…',
    cancel: '不等了',
  },

  call: {
    alone: '现在没有别人。',
    aloneLead: '请稍等，有人来了就会显示。',
    away: '连不上服务器。已接通的人仍能听到你，正在重试…',
    soundBlocked: '浏览器关闭了声音',
    soundOn: '打开声音',
    leave: '离开通话',
    chatNobody: '还没有接通的人能看到消息。',
    somebody: '某人',
  },

  over: {
    left: '你已离开通话',
    leftLead: '通话还在继续时，可以用同一个链接回来。',
    lost: '连接已断开',
    lostLead: '半分钟没有收到其他人的任何数据，请检查网络。',
    refused: '没能进入通话',
    refusedLead: '现在没有人开门。请联系发链接给你的人。',
    removed: '你被移出了通话',
    removedLead: '通话里的人结束了你的参与。',
    call_over: '通话已结束',
    call_overLead: '谢谢参与，可以关闭这个页面了。',
    link_over: '链接已失效',
    link_overLead: '在你等待时，链接被撤回或已过期。请对方再发一个。',
    again: '重新加入',
    knockAgain: '再敲一次门',
  },

  noLink: {
    not_found: '没有这个链接',
    not_foundLead: '可能少复制了一部分。请完整复制后再打开。',
    link_expired: '链接已失效',
    link_expiredLead: '链接已过期，或通话已结束。请对方再发一个。',
    offline: '连不上服务器',
    offlineLead: '请检查网络后再试。',
    other: '服务器暂时无法响应',
    otherLead: '请过一会儿再试。',
  },

  unfit: {
    insecure: '这个页面没有使用安全连接',
    insecureLead: '浏览器只允许 https 页面使用摄像头和麦克风。请用 https:// 打开链接，或询问服务器的管理者。',
    unsupported: '这个浏览器无法通话',
    unsupportedLead: '请使用新版的 Chrome、Edge、Firefox 或 Safari。',
  },

  problems: {
    camera_denied: '这个页面不能使用你的摄像头。请点地址栏旁的图标允许，然后再试。',
    camera_system: '系统不允许浏览器使用摄像头，请在系统设置里允许。',
    camera_not_found: '没有找到摄像头，其他人看不到你。',
    camera_busy: '摄像头正被别的程序使用。请关掉那个程序再试。',
    camera_gone: '摄像头已断开。',
    camera_other: '摄像头暂时用不了。请重新插拔，或另选一个。',
    microphone_denied: '这个页面不能使用你的麦克风。请点地址栏旁的图标允许，然后再试。',
    microphone_system: '系统不允许浏览器使用麦克风，请在系统设置里允许。',
    microphone_not_found: '没有找到麦克风，其他人听不到你。',
    microphone_busy: '麦克风被别的程序占用。请关掉那个程序再试。',
    microphone_gone: '麦克风已断开，其他人听不到你。',
    microphone_other: '麦克风暂时用不了，其他人听不到你。',
    rate_limited: '短时间内敲门的人太多。请稍等一下再试。',
    unavailable: '门口等待的人太多，或服务器繁忙。请过一会儿再试。',
    offline: '连不上服务器，请检查网络。',
    bad_request: '服务器不接受这个名字，请换一个。',
    other: '没能完成。请过一会儿再试。',
  },
}
